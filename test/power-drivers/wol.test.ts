import { strict as assert } from 'node:assert';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { wol } from '../../power-drivers/wol.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const MAC = '52:54:00:12:34:56';

/** Real time, without the rests. */
const rushed = {
  ...realEdges,
  clock: { ...realClock, after: (_: number, call: () => void) => realClock.after(0, call) },
};

describe('wake-on-LAN', () => {
  let ear: Socket;
  let port: number;
  let heard: Buffer[];
  beforeEach(async () => {
    heard = [];
    ear = createSocket('udp4');
    ear.on('message', (packet) => heard.push(packet));
    ear.bind(0, '127.0.0.1');
    await once(ear, 'listening');
    ({ port } = ear.address());
  });
  afterEach(() => {
    ear.close();
  });
  const hears = async (count: number): Promise<void> => {
    await until(`${count} packets`, () => heard.length >= count);
    assert.equal(heard.length, count);
  };

  it('sends three magic packets to an address and its port', async () => {
    const clock = createFakeClock();
    const handle = wol.open({ mac: '52-54-00-12-34-56', address: '127.0.0.1', port }, { ...realEdges, clock });
    const sending = handle.set('on', forever);
    await hears(1);
    for (const copy of [2, 3]) {
      while (clock.waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
      await hears(copy);
    }
    await sending;
    const wanted = 'ff'.repeat(6) + '525400123456'.repeat(16);
    assert.deepEqual(
      heard.map((packet) => packet.toString('hex')),
      [wanted, wanted, wanted],
    );
  });

  it('puts the SecureOn password behind them', async () => {
    const parameters = { mac: MAC, address: '127.0.0.1', port, secureOn: '00:11:22:aa:bb:cc' };
    await wol.open(parameters, rushed).set('on', forever);
    await hears(3);
    assert.equal(heard[0]?.subarray(102).toString('hex'), '001122aabbcc');
  });

  it('sends from the interface that is named', async () => {
    const parameters = { mac: MAC, interface: 'lo', address: '127.0.0.1', port };
    const from = new Set<string>();
    ear.on('message', (_, { address }) => from.add(address));
    await wol.open(parameters, rushed).set('on', forever);
    await hears(3);
    assert.deepEqual([...from], ['127.0.0.1']);
  });

  it('ends in between when nobody waits any more', async () => {
    const clock = createFakeClock();
    const stop = new AbortController();
    const handle = wol.open({ mac: MAC, address: '127.0.0.1', port }, { ...realEdges, clock });
    const doing = failureOf(handle.set('on', stop.signal));
    await hears(1);
    stop.abort();
    while (clock.waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(100);
    assert.equal((await doing).code, 'timeout');
    assert.equal(heard.length, 1);
  });

  it('cannot switch off and cannot see, and says so', async () => {
    const handle = wol.open({ mac: MAC, address: '127.0.0.1', port }, realEdges);
    assert.equal((await failureOf(handle.set('off', forever))).code, 'refused');
    assert.equal(await handle.query(forever), 'unknown');
    assert.deepEqual(wol.abilities, ['on']);
    assert.equal(heard.length, 0);
  });

  it('names an interface that is not there', async () => {
    const handle = wol.open({ mac: MAC, interface: 'nosuch0' }, realEdges);
    const error = await failureOf(handle.set('on', forever));
    assert.equal(error.code, 'config');
    assert.match(error.message, /no interface "nosuch0"/);
  });

  it('refuses what is no MAC and what is no SecureOn password, without repeating it', async () => {
    for (const bad of ['52:54:00', '52:54:00:12:34:5g', 'canary'])
      assert.equal((await failureOf(() => wol.open({ mac: bad }, realEdges))).code, 'config');
    const error = await failureOf(() => wol.open({ mac: MAC, secureOn: 'canary' }, realEdges));
    assert.equal(error.code, 'config');
    assert.doesNotMatch(error.message, /canary/);
  });
});
