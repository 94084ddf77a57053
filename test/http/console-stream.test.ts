import { strict as assert } from 'node:assert';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { Machine } from '../../server/core/machine.ts';
import type { Clock } from '../../server/ports/clock.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { as, closeLabs, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';

interface Said {
  readonly is: string;
  readonly [key: string]: unknown;
}

/** A client that keeps all it was told. */
class Watcher {
  readonly socket: WebSocket;
  readonly said: Said[] = [];
  octets = Buffer.alloc(0);
  closed: { code: number; words: string } | undefined;
  #wake: () => void = () => undefined;

  constructor(base: string, query = '', headers: Record<string, string> = {}) {
    const url = `${base.replace('http:', 'ws:')}/api/v1/machines/board-01/console/stream${query}`;
    this.socket = new WebSocket(url, { headers });
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.octets = Buffer.concat([this.octets, data]);
      else this.said.push(JSON.parse(data.toString()) as Said);
      this.#wake();
    });
    this.socket.on('close', (code, words) => {
      this.closed = { code, words: words.toString() };
      this.#wake();
    });
    this.socket.on('error', () => {
      this.#wake();
    });
  }

  async until(what: () => boolean): Promise<void> {
    while (!what()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async hello(): Promise<Said> {
    await this.until(() => this.said.length > 0);
    return this.said[0]!;
  }

  /** The last message of a kind. */
  last(is: string): Said | undefined {
    return this.said.findLast((each) => each.is === is);
  }

  async hears(text: string): Promise<void> {
    await this.until(() => this.octets.includes(text));
  }

  async refused(): Promise<string> {
    const before = this.said.filter((each) => each.is === 'refused').length;
    await this.until(() => this.said.filter((each) => each.is === 'refused').length > before);
    return String(this.last('refused')?.['because']);
  }

  order(order: object): void {
    this.socket.send(JSON.stringify(order));
  }
}

/** How an upgrade was answered that was none. */
function statusOf(base: string, headers: Record<string, string>, path = '/api/v1/machines/board-01/console/stream') {
  return new Promise<number>((resolve, reject) => {
    const socket = new WebSocket(base.replace('http:', 'ws:') + path, { headers });
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.on('open', () => {
      socket.close();
      reject(new Error('it was let in'));
    });
    socket.on('error', () => undefined);
  });
}

describe('console streams', () => {
  let lab: HttpLab;
  let base = '';
  let machine: Machine;
  const watchers: Watcher[] = [];
  const watch = (headers: Record<string, string> = as('operator'), query = '?from=0'): Watcher => {
    const watcher = new Watcher(base, query, headers);
    watchers.push(watcher);
    return watcher;
  };
  const lay = async (clock: Clock = realClock): Promise<void> => {
    lab = layHttpLab(() => ({}), { clock });
    base = await lab.listen('tcp');
    machine = await lab.store.machines.add(sampleMachine(1, { name: 'board-01' }), []);
    const choice = { transport: 'pretend', parameters: { host: 'ser.lab' }, secrets: {} };
    await lab.deps.consoles.set(machine, choice, 'alice');
    assert.deepEqual(await lab.deps.consoles.ready(machine.id, AbortSignal.timeout(5000)), {
      ok: true,
      value: undefined,
    });
  };
  const texts = async (): Promise<readonly string[]> =>
    (await lab.store.events.list({ machine: machine.id, limit: 99 })).map((event) => event.text);
  beforeEach(() => lay());
  afterEach(async () => {
    for (const watcher of watchers.splice(0)) watcher.socket.terminate();
    await closeLabs();
  });

  it('says how things stand, then every octet, each run of them with its offset and time', async () => {
    lab.board.say('U-Boot 2024.01\r\n');
    const watcher = watch();
    const hello = await watcher.hello();
    assert.equal(hello['from'], 0);
    assert.equal(hello['to'], 16);
    assert.equal((hello['line'] as Said).is, 'open');
    assert.equal(hello['writer'], null);
    assert.deepEqual(hello['you'], { mayWrite: true });
    await watcher.hears('2024.01\r\n');
    lab.board.say('=> ');
    await watcher.hears('=> ');
    const at = watcher.said.filter((each) => each.is === 'at');
    assert.deepEqual(
      at.map((each) => each['offset']),
      [0, 16],
    );
    assert.ok(at.every((each) => typeof each['atMs'] === 'number'));
  });

  it('44 three recordings are equal, octet for octet: the page’s, the command’s and the downloaded one', async () => {
    const all = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 7 + (n >> 8)) & 255));
    const local = await lab.listen('socket');
    lab.board.say(all.subarray(0, 30_000));
    const page = watch();
    const command = new Watcher(local, '?from=0');
    watchers.push(command);
    await page.hello();
    for (let at = 30_000; at < all.length; at += 1777) lab.board.say(all.subarray(at, Math.min(all.length, at + 1777)));
    await page.until(() => page.octets.length >= all.length);
    await command.until(() => command.octets.length >= all.length);
    const log = await fetch(`${base}/api/v1/machines/board-01/console/log?as=raw`, { headers: as('operator') });
    assert.equal(log.headers.get('console-from'), '0');
    assert.equal(log.headers.get('console-to'), String(all.length));
    const raw = Buffer.from(await log.arrayBuffer());
    assert.ok(page.octets.equals(all) && command.octets.equals(all) && raw.equals(all));
  });

  it('begins where it is told, and an offset that is not there is moved, clearly', async () => {
    lab.board.say('0123456789');
    const late = watch(as('operator'), '?from=6');
    assert.equal((await late.hello())['from'], 6);
    await late.hears('6789');
    const ahead = watch(as('operator'), '?from=99999');
    assert.equal((await ahead.hello())['from'], 10);
    const live = watch(as('operator'), '');
    assert.equal((await live.hello())['from'], 10);
    assert.equal(await statusOf(base, as('operator'), '/api/v1/machines/board-01/console/stream?from=x'), 400);
  });

  it('18 two watch and one writes: a viewer’s keys never reach the board, and it is told once', async () => {
    const [writer, viewer] = [watch(), watch(as('admin'))];
    await writer.hello();
    await viewer.hello();
    writer.order({ do: 'take' });
    await viewer.until(() => viewer.last('writer') !== undefined);
    assert.deepEqual((viewer.last('writer')?.['writer'] as Said)['name'], 'a-operator');
    assert.equal(viewer.last('writer')?.['you'], false);
    await writer.until(() => writer.last('writer')?.['you'] === true);
    for (const key of ['\x1b', 'a']) {
      viewer.socket.send(Buffer.from(key));
      assert.match(await viewer.refused(), /a-operator types here/);
    }
    viewer.order({ do: 'break' });
    await viewer.refused();
    writer.socket.send(Buffer.from('secret\r'));
    writer.order({ do: 'break' });
    writer.order({ do: 'release' });
    await viewer.until(() => viewer.last('writer')?.['writer'] === null);
    assert.equal(lab.board.typed(), 'secret\r');
    assert.equal(lab.board.breaks(), 1);
    const told = await texts();
    assert.equal(told.filter((text) => text.includes('keys of a-admin')).length, 1);
    assert.ok(told.includes('a-operator typed 7 octets in 0 s'));
    assert.ok(
      !JSON.stringify(await lab.store.events.list({ limit: 99 })).includes('secret'),
      'what was typed is nobody’s',
    );
  });

  it('the writer is asked before he is replaced, and told', async () => {
    const [one, two] = [watch(), watch(as('admin'))];
    await one.hello();
    one.order({ do: 'take' });
    await one.until(() => one.last('writer')?.['you'] === true);
    await two.hello();
    two.order({ do: 'take' });
    assert.match(await two.refused(), /take it over/);
    two.order({ do: 'take', over: true });
    await one.until(() => one.last('writer')?.['you'] === false);
    one.socket.send(Buffer.from('x'));
    assert.match(await one.refused(), /a-admin types here/);
    two.socket.close();
    await one.until(() => one.last('writer')?.['writer'] === null);
    assert.equal(lab.board.typed(), '');
  });

  it('the line’s end and its coming back are told, and the octets go on', async () => {
    const watcher = watch();
    await watcher.hello();
    lab.board.end('the server went away');
    await watcher.until(() => (watcher.last('line')?.['line'] as Said | undefined)?.is === 'closed');
    assert.equal((watcher.last('line')?.['line'] as Said)['because'], 'the server went away');
    assert.equal((await lab.deps.consoles.ready(machine.id, AbortSignal.timeout(5000))).ok, true);
    lab.board.say('back');
    await watcher.hears('back');
  });

  it('45 nobody without the right gets in, and no other site’s page', async () => {
    assert.equal(await statusOf(base, {}), 401);
    assert.equal(await statusOf(base, { Cookie: 'farrier_session=0000000000000000000000' }), 401);
    assert.equal(await statusOf(base, as('viewer')), 403);
    assert.equal(await statusOf(base, { ...as('admin'), Origin: 'http://evil.example' }), 403);
    assert.equal(await statusOf(base, as('admin'), '/api/v1/machines/nobody/console/stream'), 404);
    assert.equal(await statusOf(base, as('admin'), '/api/v1/machines/%ff/console/stream'), 404);
    assert.equal(await statusOf(base, as('admin'), '/api/v1/events'), 404);
    const own = watch({ ...as('admin'), Origin: base });
    assert.equal((await own.hello()).is, 'hello');
  });

  it('20 who is refused and does not hang up keeps no connection', async () => {
    const { hostname, port } = new URL(base);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const path = '/api/v1/machines/board-01/console/stream';
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    let answer = '';
    const gone: Error[] = [];
    socket.on('data', (octets) => (answer += octets.toString()));
    socket.on('error', (error) => gone.push(error));
    await new Promise((resolve) => socket.once('end', resolve));
    assert.match(answer, /^HTTP\/1\.1 401 .*log in first$/s);
    // Only what is closed on the other side breaks under writing.
    while (gone.length === 0) await new Promise((resolve) => socket.write('x', resolve));
  });

  it('20 who asks and asks is cut off: stray keys, orders', async () => {
    const floods: ((socket: WebSocket) => void)[] = [
      (socket) => {
        socket.send(Buffer.from('x'));
      },
      (socket) => {
        socket.send('{"do":"release"}');
      },
    ];
    for (const flood of floods) {
      const watcher = watch();
      await watcher.hello();
      for (let sent = 0; sent <= 1000; sent += 1) flood(watcher.socket);
      await watcher.until(() => watcher.closed !== undefined);
      assert.equal(watcher.closed?.code, 4029);
    }
  });

  it('20 the timeline is not filled by who takes the console and gives it back', async () => {
    const watcher = watch();
    await watcher.hello();
    for (let turn = 0; turn < 100; turn += 1) {
      watcher.order({ do: 'take' });
      watcher.order({ do: 'release' });
    }
    assert.match(await watcher.refused(), /too often/);
    await lab.deps.consoles.stop();
    assert.ok((await texts()).length <= 70, String((await texts()).length));
  });

  it('rubbish ends the stream of whoever sent it', async () => {
    for (const rubbish of ['{', '{"do":"format"}', '[]', 'null']) {
      const watcher = watch();
      await watcher.hello();
      watcher.socket.send(rubbish);
      await watcher.until(() => watcher.closed !== undefined);
      assert.equal(watcher.closed?.code, 4000, rubbish);
    }
    const huge = watch();
    await huge.hello();
    huge.socket.send(Buffer.alloc(100_000));
    await huge.until(() => huge.closed !== undefined);
    assert.equal(huge.closed?.code, 1009);
  });

  it('who reads nothing is cut off, and holds up nobody', async () => {
    const [stuck, quick] = [watch(), watch()];
    await stuck.hello();
    await quick.hello();
    stuck.socket.pause();
    const piece = Buffer.alloc(256 << 10, 'x');
    const viewers = async (): Promise<number> => (await lab.deps.consoles.room(machine)).viewers();
    for (let sent = 0; (await viewers()) > 1; sent += 1) {
      lab.board.say(piece);
      await quick.until(() => quick.octets.length === (sent + 1) * piece.length);
    }
    stuck.socket.resume();
    await stuck.until(() => stuck.closed !== undefined);
    assert.ok([4008, 1006].includes(stuck.closed?.code ?? 0), String(stuck.closed?.code));
    assert.equal(quick.closed, undefined);
  }).timeout(20_000);

  it('a session that ends takes its stream with it', async () => {
    await closeLabs();
    const clock = createFakeClock();
    await lay(clock);
    const watcher = watch();
    await watcher.hello();
    await lab.deps.users.logout('cookie-of-an-operator-1');
    clock.advance(10_000);
    await watcher.until(() => watcher.closed !== undefined);
    assert.equal(watcher.closed?.code, 4001);
  });

  it('the server’s end is told', async () => {
    const watcher = watch();
    await watcher.hello();
    lab.app.close();
    await watcher.until(() => watcher.closed !== undefined);
    assert.equal(watcher.closed?.code, 1001);
  });
});
