import { strict as assert } from 'node:assert';
import { formatMessage } from '../../server/http/live/sse.ts';
import { as, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

interface Message {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: Record<string, unknown>;
}

/** Reads a stream until `enough` says so, or it ends. */
class Reader {
  readonly messages: Message[] = [];
  comments = 0;
  ended = false;
  #buffer = '';
  readonly #abort: AbortController;
  constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    void this.#read(response).catch(() => undefined);
  }
  static async open(base: string, path: string, headers: Record<string, string>): Promise<Reader> {
    const abort = new AbortController();
    const all = { Accept: 'text/event-stream', ...headers };
    return new Reader(await fetch(base + path, { headers: all, signal: abort.signal }), abort);
  }
  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of response.body ?? []) {
      this.#buffer += decoder.decode(part as Uint8Array, { stream: true });
      const blocks = this.#buffer.split('\n\n');
      this.#buffer = blocks.pop() ?? '';
      for (const block of blocks) this.#block(block);
    }
    this.ended = true;
  }
  #block(block: string): void {
    const lines = block.split('\n');
    const value = (key: string): string | undefined =>
      lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2);
    if (lines.every((line) => line.startsWith(':'))) this.comments += 1;
    const data = value('data');
    if (data !== undefined)
      this.messages.push({ id: value('id'), event: value('event'), data: JSON.parse(data) as Record<string, unknown> });
  }
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise((resolve) => setImmediate(resolve));
  }
  close(): void {
    this.#abort.abort();
  }
}

interface Part {
  readonly id: string;
  readonly html: string;
}
const partsOf = (message: Message | undefined): readonly Part[] => (message?.data['parts'] ?? []) as readonly Part[];

describe('event streams', () => {
  let clock: FakeClock;
  let lab: HttpLab;
  let base = '';
  beforeEach(async () => {
    clock = createFakeClock();
    lab = layHttpLab(undefined, { clock });
    base = await lab.listen('tcp');
  });
  afterEach(() => lab.close());
  const open = (path: string, headers: Record<string, string> = {}): Promise<Reader> =>
    Reader.open(base, path, { ...as('viewer'), ...headers });
  const texts = (reader: Reader): readonly unknown[] => reader.messages.map((message) => message.data['text']);

  it('a message keeps to one line whatever its words hold', () => {
    const wire = formatMessage({ id: 7, event: 'state', data: { text: 'a\nid: 9\n\ndata: {}\r' } });
    assert.equal(wire.split('\n').filter((line) => line !== '').length, 3);
    assert.match(wire, /^id: 7\nevent: state\ndata: \{"text":"a\\nid: 9/);
  });

  it('tells what happens from now on, with the id as the cursor', async () => {
    await lab.store.events.append([sampleEvent('before')]);
    const reader = await open('/api/v1/events');
    await lab.store.events.append([sampleEvent('after', { kind: 'power' })]);
    await reader.until(() => reader.messages.length > 0);
    assert.deepEqual(reader.messages[0], { ...reader.messages[0], id: '2', event: 'power' });
    assert.deepEqual(texts(reader), ['after']);
    reader.close();
  });

  it('goes on after Last-Event-ID without a gap and without a repeat', async () => {
    await lab.store.events.append(['one', 'two', 'three'].map((text) => sampleEvent(text)));
    const reader = await open('/api/v1/events', { 'Last-Event-ID': '1' });
    await lab.store.events.append([sampleEvent('four')]);
    await reader.until(() => reader.messages.length >= 3);
    assert.deepEqual(texts(reader), ['two', 'three', 'four']);
    reader.close();
  });

  it('an event between the listening and the replay comes once', async () => {
    await lab.store.events.append([sampleEvent('one')]);
    const slow = layHttpLab((deps) => ({
      store: {
        ...deps.store,
        events: {
          ...deps.store.events,
          list: async (filter) => {
            await deps.store.events.append([sampleEvent('meanwhile')]);
            return deps.store.events.list(filter);
          },
        },
      },
    }));
    await slow.store.events.append([sampleEvent('one')]);
    const reader = await Reader.open(await slow.listen('tcp'), '/api/v1/events?after=0', as('viewer'));
    await slow.store.events.append([sampleEvent('last')]);
    await reader.until(() => texts(reader).includes('last'));
    assert.deepEqual(texts(reader), ['one', 'meanwhile', 'last']);
    reader.close();
    await slow.close();
  });

  it('keeps to one machine when asked to', async () => {
    const machine = await lab.store.machines.add(sampleMachine(1), []);
    const reader = await open('/api/v1/events?machine=board-01');
    await lab.store.events.append([sampleEvent('other'), sampleEvent('own', { machine: machine.id })]);
    await reader.until(() => reader.messages.length > 0);
    assert.deepEqual(texts(reader), ['own']);
    reader.close();
  });

  it('sends a comment every 15 s, and ends with its session', async () => {
    const reader = await open('/api/v1/events');
    await reader.until(() => clock.waiting() > 0);
    await clock.pass(15_000);
    await reader.until(() => reader.comments === 1);
    await lab.deps.users.logout('cookie-of-a-viewer-0001');
    await clock.pass(15_000);
    await reader.until(() => reader.ended);
  });

  it('a page gets the full set first, then what changed, gathered', async () => {
    await lab.store.machines.add(sampleMachine(1), [sampleEvent('first', { machine: sampleMachine(1).id })]);
    const reader = await open('/events/rows');
    await reader.until(() => reader.messages.length === 1);
    assert.equal(reader.messages[0]?.data['full'], true);
    assert.deepEqual(
      partsOf(reader.messages[0]).map((part) => part.id),
      ['notices', 'counts', 'row-m-sample0001'],
    );
    for (let n = 2; n <= 201; n += 1) {
      const machine = sampleMachine(n, { state: 'new', name: `board-${String(n)}`, macs: [] });
      await lab.store.machines.add(machine, [sampleEvent('met', { machine: machine.id })]);
    }
    assert.equal(reader.messages.length, 1, 'nothing is sent while the burst lasts');
    await clock.pass(150);
    await reader.until(() => reader.messages.length === 2);
    const patch = reader.messages[1];
    assert.equal(partsOf(patch).length, 201, '200 machines and the counts came in one patch');
    assert.equal(patch?.data['full'], false);
    reader.close();
  });

  it('a machine that was accepted leaves the waiting ones, one that was removed leaves all', async () => {
    const machine = await lab.store.machines.add(sampleMachine(1, { state: 'new' }), []);
    const reader = await open('/events/rows');
    await reader.until(() => reader.messages.length === 1);
    const event = sampleEvent('accepted', { machine: machine.id });
    const ready = await lab.store.machines.change(machine, { state: 'ready' }, [event]);
    await clock.pass(150);
    await reader.until(() => reader.messages.length === 2);
    assert.deepEqual(reader.messages[1]?.data['gone'], ['new-m-sample0001']);
    assert.deepEqual(reader.messages[1].data['say'], ['accepted']);
    await lab.store.machines.remove(ready, [sampleEvent('gone', { machine: machine.id })]);
    await clock.pass(1000);
    await reader.until(() => reader.messages.length === 3);
    assert.deepEqual(reader.messages[2]?.data['gone'], ['row-m-sample0001', 'new-m-sample0001']);
    reader.close();
  });

  it('what tells no event is found by looking: power seen anew, a lease that ended', async () => {
    const seen = (atMs: number): object => ({ powerSeen: { state: 'on', atMs, because: undefined } });
    const machine = await lab.store.machines.add(sampleMachine(1, seen(1)), []);
    await lab.store.machines.add(sampleMachine(2), []);
    const reader = await open('/events/rows');
    await reader.until(() => reader.messages.length === 1);
    await clock.pass(5000);
    await lab.store.machines.change(machine, seen(2), []);
    await clock.pass(5000);
    await reader.until(() => reader.messages.length === 2);
    assert.deepEqual(
      partsOf(reader.messages[1]).map((part) => part.id),
      ['row-m-sample0001'],
      'only what differs is sent, and nothing while nothing does',
    );
    reader.close();
  });

  it('viewers get no buttons, operators do', async () => {
    await lab.store.machines.add(sampleMachine(1, { state: 'new' }), []);
    const [viewer, operator] = [await open('/events/rows'), await open('/events/rows', as('operator'))];
    await viewer.until(() => viewer.messages.length > 0 && operator.messages.length > 0);
    const html = (reader: Reader): string =>
      partsOf(reader.messages[0])
        .map((part) => part.html)
        .join('');
    assert.ok(!html(viewer).includes('data-api'));
    assert.ok(html(operator).includes('data-api="POST /api/v1/machines/m-sample0001/accept"'));
    viewer.close();
    operator.close();
  });

  it('a machine page hears of its own machine only, and of a new boot as it happens', async () => {
    const machine = await lab.store.machines.add(sampleMachine(1), []);
    const reader = await open('/events/rows?machine=board-01');
    await reader.until(() => reader.messages.length === 1);
    await lab.store.events.append([sampleEvent('elsewhere')]);
    await clock.pass(200);
    await lab.store.boots.add({
      id: 'b1',
      machine: machine.id,
      startedMs: 1,
      tokenHash: undefined,
      plan: 'boots agent@1',
    });
    await lab.store.events.append([
      sampleEvent('DISCOVER, OFFER', { kind: 'dhcp', machine: machine.id, boot: 'b1', detail: { durationMs: 3 } }),
    ]);
    await clock.pass(1000);
    await reader.until(() => reader.messages.length === 2);
    const boot = partsOf(reader.messages[1]).find((part) => part.id === 'boot-b1');
    assert.match(boot?.html ?? '', /DISCOVER, OFFER/);
    reader.close();
  });
});
