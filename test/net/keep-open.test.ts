import { strict as assert } from 'node:assert';
import type { Ipv4 } from '../../server/core/address.ts';
import type { HostInterface } from '../../server/net/interfaces.ts';
import { keepOpen, type Keeper } from '../../server/net/keep-open.ts';
import { ip } from '../support/dhcp-lab.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';

interface Thing {
  readonly device: string;
  readonly lost: () => void;
  isClosed: boolean;
  close(): Promise<void>;
}

class Scene {
  readonly clock = createFakeClock();
  readonly log = createQuietLog();
  readonly present = new Map<string, HostInterface>();
  readonly opened: Thing[] = [];
  failure: Error | undefined;
  isBlind = false;

  plug(name: string, index: number, ...addresses: readonly string[]): void {
    this.present.set(name, { name, index, addresses: addresses.map(ip) });
  }

  start(...wanted: readonly (readonly [string, string])[]): Promise<Keeper<Thing>> {
    return keepOpen<Thing>({
      wanted: new Map(wanted.map(([name, address]) => [name, ip(address)])),
      interfaces: () => (this.isBlind ? Promise.reject(new Error('no ip')) : Promise.resolve(new Map(this.present))),
      open: (device, address, lost) => this.#open(device, address, lost),
      clock: this.clock,
      log: this.log,
    });
  }

  /** Lets the keeper look once more. */
  async look(): Promise<void> {
    this.clock.advance(2000);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  #open(device: string, _address: Ipv4, lost: () => void): Promise<Thing> {
    if (this.failure) return Promise.reject(this.failure);
    const thing: Thing = {
      device,
      lost,
      isClosed: false,
      close: () => {
        thing.isClosed = true;
        return Promise.resolve();
      },
    };
    this.opened.push(thing);
    return Promise.resolve(thing);
  }
}

describe('net/keep-open', () => {
  const A = ['eth1', '10.77.0.1'] as const;

  it('opens what is there at once, and waits for the rest', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.1', '10.77.0.2');
    const keeper = await scene.start(A, ['eth2', '10.79.0.1']);
    assert.deepEqual(keeper.names(), ['eth1']);
    assert.ok(scene.log.lines.some((line) => line.includes('dhcp: waiting for 10.79.0.1 on interface eth2')));
    assert.deepEqual([keeper.isOurs(ip('10.77.0.2')), keeper.isOurs(ip('10.77.0.3'))], [true, false]);
    scene.plug('eth2', 3, '10.79.0.1');
    await scene.look();
    assert.deepEqual(keeper.names(), ['eth1', 'eth2']);
    await keeper.close();
    assert.ok(scene.opened.every((thing) => thing.isClosed));
  });

  it('an interface without our address is waited for, and is said only once', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.9');
    const keeper = await scene.start(A);
    await scene.look();
    await scene.look();
    assert.deepEqual(keeper.names(), []);
    assert.equal(scene.log.lines.length, 1);
    await keeper.close();
  });

  it('an interface that was made anew between two looks gets a new socket', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.1');
    const keeper = await scene.start(A);
    scene.plug('eth1', 9, '10.77.0.1');
    await scene.look();
    assert.deepEqual(
      scene.opened.map((thing) => thing.isClosed),
      [true, false],
    );
    assert.equal(keeper.get('eth1'), scene.opened[1]);
    await keeper.close();
  });

  it('an interface that went is closed; its address going is the same', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.1');
    const keeper = await scene.start(A);
    scene.plug('eth1', 2, '10.77.0.9');
    await scene.look();
    assert.deepEqual([keeper.names(), scene.opened[0]?.isClosed], [[], true]);
    scene.plug('eth1', 2, '10.77.0.1');
    await scene.look();
    scene.present.clear();
    await scene.look();
    assert.deepEqual([keeper.names(), scene.opened.length], [[], 2]);
    await keeper.close();
  });

  it('what has stopped working is opened again', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.1');
    const keeper = await scene.start(A);
    scene.opened[0]?.lost();
    await scene.look();
    assert.deepEqual(
      scene.opened.map((thing) => thing.isClosed),
      [true, false],
    );
    await keeper.close();
  });

  it('a failure at the start refuses the start; later it is told and tried again', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.1');
    scene.failure = new Error('port 67 is held');
    await assert.rejects(scene.start(A), /port 67 is held/);
    scene.present.clear();
    const keeper = await scene.start(A);
    scene.plug('eth1', 2, '10.77.0.1');
    await scene.look();
    assert.ok(scene.log.lines.some((line) => line.includes('dhcp: port 67 is held')));
    scene.failure = undefined;
    await scene.look();
    assert.deepEqual(keeper.names(), ['eth1']);
    await keeper.close();
  });

  it('a look that fails keeps what is open', async () => {
    const scene = new Scene();
    scene.plug('eth1', 2, '10.77.0.1');
    const keeper = await scene.start(A);
    scene.isBlind = true;
    await scene.look();
    assert.deepEqual(keeper.names(), ['eth1']);
    await keeper.close();
    await scene.look();
    assert.equal(scene.opened.length, 1, 'after close nothing is opened');
  });
});
