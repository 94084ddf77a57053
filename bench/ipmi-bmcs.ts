import { startTestBmc } from '../test/support/bmc-rack.ts';

// The BMCs of bench/ipmi.ts, in a process of their own: node --import tsx bench/ipmi-bmcs.ts ADDRESS...
await Promise.all(process.argv.slice(2).map((address) => startTestBmc({ address, port: 623 })));
console.log('ready');
