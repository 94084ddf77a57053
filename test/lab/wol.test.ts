import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { layLan, type Lan, type LabHost } from '../../lab/netns.ts';
import { wol } from '../../power-drivers/wol.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { forever } from '../support/power-failure.ts';

const run = promisify(execFile);
const MAC = '52:54:00:12:34:56';

/** Prints, in hexadecimal, the datagrams that come to a port until it has as many as it was told. */
const EAR = `
const [port, count] = process.argv.slice(1).map(Number);
const ear = require('node:dgram').createSocket('udp4');
let left = count;
ear.on('message', (packet, from) => {
  console.log(from.address + ' ' + packet.toString('hex'));
  left -= 1;
  if (left === 0) ear.close();
});
ear.bind(port, () => console.log('ready'));
`;

describe('wake-on-LAN on a network', () => {
  let lan: Lan;
  let sleeper: LabHost;
  before(async () => {
    lan = await layLan('wol0', '10.88.0.1/24');
    sleeper = await lan.addHost('sleeper', { address: '10.88.0.9/24' });
  });
  after(() => lan.remove());

  const heardBy = async (
    host: LabHost,
    port: number,
    count: number,
    act: () => Promise<unknown>,
  ): Promise<string[]> => {
    const ear = host.spawn(process.execPath, ['-e', EAR, String(port), String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let text = '';
      const whole = (): string[] => text.split('\n').slice(0, -1);
      ear.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      const closed = once(ear, 'close');
      while (whole().length < 1) await once(ear.stdout ?? ear, 'data');
      await act();
      await closed;
      return whole().slice(1);
    } finally {
      ear.kill('SIGKILL');
    }
  };
  const woken = 'ff'.repeat(6) + MAC.replaceAll(':', '').repeat(16);

  it('reaches every host of the named interface by its broadcast address', async () => {
    const handle = wol.open({ mac: MAC, interface: 'wol0' }, realEdges);
    const heard = await heardBy(sleeper, 9, 3, () => handle.set('on', forever));
    assert.deepEqual(heard, Array(3).fill(`10.88.0.1 ${woken}`));
  });

  it('reaches one host by its own address, on port 7, with a password', async () => {
    const handle = wol.open({ mac: MAC, address: '10.88.0.9', port: 7, secureOn: '192.168.1.1' }, realEdges);
    const heard = await heardBy(sleeper, 7, 3, () => handle.set('on', forever));
    assert.deepEqual(heard, Array(3).fill(`10.88.0.1 ${woken}c0a80101`));
  });

  it("sends, octet for octet, what Debian's wakeonlan sends", async () => {
    const [theirs] = await heardBy(sleeper, 9, 1, () => run('wakeonlan', ['-i', '10.88.0.255', MAC]));
    const handle = wol.open({ mac: MAC, address: '10.88.0.255' }, realEdges);
    const [ours] = await heardBy(sleeper, 9, 3, () => handle.set('on', forever));
    assert.equal(ours, theirs);
  });

  it('says that it cannot send where there is no way', async () => {
    await assert.rejects(wol.open({ mac: MAC, address: '203.0.113.7' }, realEdges).set('on', forever), {
      code: 'unreachable',
    });
  });
});
