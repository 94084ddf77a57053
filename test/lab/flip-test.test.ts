import { strict as assert } from 'node:assert';
import { memberOf } from '../../lab/socket-api.ts';
import type { FlipSign } from '../../server/core/flip-judge.ts';
import { listOf } from '../support/farrier-process.ts';
import { startFlipRack, type FlipRack } from '../support/flip-rack.ts';
import { until } from '../support/until.ts';

const PATH = '/api/v1/power/flip-test';
/** Every sign there is, twice. */
const SIGNS: readonly FlipSign[] = ['link', 'BMC', 'DHCP', 'console', 'link', 'BMC', 'DHCP', 'console'];
/** What the labels on the cables say, and what is true: the outlets 3 and 6 are swapped. */
const WIRED = [1, 2, 6, 4, 5, 3, 7, 8];
/** A board that asks every two seconds is known by its rhythm after some of them. */
const RHYTHM_S = 14;

const WORDS: Readonly<Record<FlipSign, (machine: string) => string>> = {
  link: (machine) => `${machine} answers no more on its address`,
  BMC: (machine) => `the BMC of ${machine} answers no more`,
  DHCP: (machine) => `${machine} asks no more by DHCP`,
  console: (machine) => `the console of ${machine} says no more`,
};

/**
 * Eight boards on the outlets of one virtual PDU, through the whole daemon: addresses that answer and BMCs, a serial
 * line over TCP, DHCP on the wire. Only the watch's seconds pass as fast as all that comes about.
 */
describe('the flip test on a rack', function () {
  this.timeout(300_000);
  let rack: FlipRack;
  before(async () => {
    rack = await startFlipRack(SIGNS, WIRED);
    for (let second = 0; second < RHYTHM_S; second += 1) await rack.clock.second();
  });
  after(() => rack.stop());

  async function ended(): Promise<unknown> {
    let test: unknown;
    const isOver = async (): Promise<boolean> => {
      if (rack.clock.fault() !== undefined) throw rack.clock.fault();
      test = await rack.api.must('GET', PATH);
      return memberOf(test, 'state') !== 'running';
    };
    await until('the flip test ends', isOver, 240_000, () => JSON.stringify(test));
    return test;
  }
  const areAllOn = (): boolean => SIGNS.every((_, at) => rack.isOn(at + 1));

  it('two of eight are swapped: both are named, the six others are right, each by its sign, and all are back', async () => {
    const { api, names } = rack;
    assert.equal((await api.call('POST', PATH, { machines: names })).status, 409);
    await api.must('POST', PATH, { machines: names, confirm: true });
    const found = listOf(await ended(), 'outlets');
    const [verdicts, signs, missing] = ['words', 'signs', 'missing'].map((name) =>
      found.map((outlet) => memberOf(outlet, name)),
    );
    assert.deepEqual(
      verdicts,
      WIRED.map((other, at) => (other === at + 1 ? 'right' : `swapped with slot-${String(other)}`)),
    );
    assert.deepEqual(
      signs,
      WIRED.map((other) => [WORDS[SIGNS[other - 1] ?? 'link'](`slot-${String(other)}`)]),
    );
    assert.deepEqual(
      missing,
      names.map(() => []),
    );
    assert.ok(areAllOn());
  });

  it('aborted in the middle, what was off is on again, and the next is not tried', async () => {
    const { api, names } = rack;
    let aborted: unknown;
    rack.eachSecond(async () => {
      if (!rack.isOn(1)) aborted ??= await api.must('DELETE', PATH);
    });
    await api.must('POST', PATH, { machines: names.slice(0, 2), confirm: true });
    const test = await ended();
    assert.ok(aborted !== undefined, 'it was off');
    assert.equal(memberOf(test, 'state'), 'aborted');
    assert.deepEqual(
      listOf(test, 'outlets').map((outlet) => memberOf(outlet, 'words') ?? 'not tried'),
      ['unsure: the test was aborted', 'not tried'],
    );
    assert.ok(areAllOn());
  });
});
