import { strict as assert } from 'node:assert';
import type { Verdict } from '../../server/core/boot-verdict.ts';
import type { FarrierEvent } from '../../server/core/event.ts';
import { chartOf, type ChartView } from '../../server/http/pages/boot-chart.ts';
import { verdictView } from '../../server/http/pages/boot-verdict.ts';
import { bootsOf } from '../../server/http/pages/timeline.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';

const machine = sampleMachine(1).id;
const event = (id: number, change: Partial<FarrierEvent>): FarrierEvent => ({
  ...sampleEvent('something', { machine, boot: 'b1', kind: 'dhcp' }),
  id,
  ...change,
});
const heard = [event(1, { atMs: 0 }), event(2, { atMs: 5000, detail: { sent: 'ACK' } }), event(3, { atMs: 10_000 })];
const chart = (totalMs: number, tone: 'good' | 'bad' | 'moving'): ChartView =>
  chartOf(heard, { startMs: 0, totalMs, tone });

const stopped: Verdict = {
  ...{ state: 'silent', rule: 'system-silent', lastGood: 'kernel', layer: 'kernel', confidence: 'likely' },
  ...{ cause: 'its kernel never spoke', others: [], remedy: undefined, evidence: [], dueMs: undefined },
};

describe('the chart over a boot', () => {
  it('a silence takes at most a third of the axis, and says how long it was', () => {
    const { silence } = chart(250_000, 'bad');
    assert.deepEqual([silence?.x, silence?.width, silence?.words], ['68.00%', '32.00%', 'nothing heard for 4 min']);
  });

  it('a boot under way keeps room for what is to come', () => {
    const { silence } = chart(10_000, 'moving');
    assert.deepEqual([silence?.x, silence?.words], ['86.00%', 'waiting for the next step']);
  });

  it('a boot that ended well, and one refused at once, have no silence', () => {
    assert.equal(chart(10_000, 'good').silence, undefined);
    assert.equal(chart(10_960, 'bad').silence, undefined);
  });

  it('ticks stand where something was heard, and none is named under the words of the silence', () => {
    const { ticks } = chart(250_000, 'bad');
    assert.deepEqual(
      ticks.map((tick) => tick.words),
      ['0 s', '5 s', ''],
    );
  });

  it('one moment alone is no picture', () => {
    assert.deepEqual(chartOf(heard.slice(0, 1), { startMs: 0, totalMs: 1000, tone: 'bad' }).lanes, []);
  });

  it('a label has its place beside its mark', () => {
    const [lane] = chart(10_000, 'good').lanes;
    assert.deepEqual(
      lane?.items.map((item) => [item.label, item.labelAt]),
      [
        [undefined, 'right'],
        ['address', 'right'],
        [undefined, 'right'],
      ],
    );
  });
});

describe('the verdict over a boot', () => {
  it('tells the last good step of a boot that stopped or goes on, none of one that ended well', () => {
    assert.equal(verdictView(stopped).lastGood, 'it fetched its kernel');
    assert.equal(verdictView({ ...stopped, state: 'under way' }).lastGood, 'it fetched its kernel');
    assert.equal(verdictView({ ...stopped, state: 'ended well' }).lastGood, undefined);
  });

  const causes: readonly (readonly [string, string])[] = [
    ['it booted: the system itself said so', 'It booted: the system itself said so'],
    ['mustang-03: kernel arguments need 301 octets', 'mustang-03: kernel arguments need 301 octets'],
    ['u-boot’s buffer holds 255', 'u-boot’s buffer holds 255'],
  ];
  for (const [cause, text] of causes)
    it(`begins as a sentence, but leaves names as they are: ${text}`, () => {
      assert.equal(verdictView({ ...stopped, cause }).text, text);
    });

  const record = (plan: string, verdict: Verdict | undefined): Parameters<typeof bootsOf>[0] => [
    {
      ...{ id: 'b1', machine, startedMs: 0, tokenHash: undefined, plan, served: undefined, endedMs: undefined },
      verdict,
    },
  ];
  it('a refusal is said once; a boot under way tells when it was last heard', () => {
    const [refused] = bootsOf(record('is refused: no board', stopped), heard, (boot) => boot.verdict);
    assert.deepEqual([refused?.plan, refused?.heard], ['', undefined]);
    const [moving] = bootsOf(record('boots agent@1', undefined), heard, (boot) => boot.verdict);
    assert.deepEqual([moving?.plan, moving?.heard?.iso], ['boots agent@1', '1970-01-01T00:00:10.000Z']);
  });
});
