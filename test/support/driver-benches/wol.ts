import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { wol } from '../../../power-drivers/wol.ts';
import type { DriverBench } from '../driver-bench.ts';

const MAC = '52:54:00:12:34:56';
const WAKES = `${'ff'.repeat(6)}${MAC.replaceAll(':', '').repeat(16)}001122aabbcc`;

/** A card that wakes its machine when its packet comes, password and all. It can be deaf, and nothing else. */
export async function startBench(): Promise<DriverBench> {
  const card = createSocket('udp4');
  let isDeaf = false;
  let isOn = false;
  card.on('message', (packet) => {
    if (!isDeaf && packet.toString('hex').includes(WAKES)) isOn = true;
  });
  card.bind(0, '127.0.0.1');
  await once(card, 'listening');
  return {
    driver: wol,
    parameters: { mac: MAC, address: '127.0.0.1', port: card.address().port, secureOn: '00:11:22:aa:bb:cc' },
    secretField: undefined,
    truth: () => Promise.resolve(isOn ? 'on' : 'off'),
    misbehave: (how) => {
      if (how !== 'not' && how !== 'silent') return Promise.reject(new Error('unsupported'));
      isDeaf = how === 'silent';
      return Promise.resolve();
    },
    seen: () => [],
    close: () =>
      new Promise((resolve) => {
        card.close(resolve);
      }),
  };
}
