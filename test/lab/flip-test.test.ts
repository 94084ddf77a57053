import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { labClock } from '../../lab/lab-clock.ts';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { startVirtualPdu, type VirtualPdu } from '../../lab/virtual-pdu.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';
import { listOf } from '../support/farrier-process.ts';

const PASSWORD = 'canary-of-the-flip-pdu';
const ADDRESS = '10.98.0.1';
/** What the labels on the cables say, and what is true: the outlets 3 and 6 are swapped. */
const WIRED = [1, 2, 6, 4, 5, 3, 7, 8];

/** Eight virtual boards on the outlets of one virtual PDU, through the whole daemon. */
describe('the flip test on a rack', function () {
  this.timeout(300_000);
  let lab: StormLab;
  let pdu: VirtualPdu;
  let folder: DriverFolder;
  let boards: readonly VirtualBoard[];
  const names = WIRED.map((_, at) => `slot-${String(at + 1)}`);

  before(async () => {
    folder = await createDriverFolder();
    await folder.drop('line-pdu', await readFile('power-drivers/examples/line-pdu', 'utf8'));
    lab = await startStormLab('flip0', 98, { powerDrivers: [folder.path], more: { power: { pollS: 0 } } });
    const made: VirtualBoard[] = [];
    for (const nth of WIRED.keys()) made.push(await lab.board(nth + 1, 'uboot-arm64'));
    boards = made;
    const outlets = WIRED.map((nth) => {
      const board = made[nth - 1];
      assert.ok(board);
      return {
        isOn: () => board.isOn(),
        turn: (on: boolean) => void (on ? board.powerOn() : board.powerOff()),
      };
    });
    pdu = await startVirtualPdu({ address: ADDRESS, port: 0, password: PASSWORD, outlets, clock: labClock() });
    await Promise.all(made.map((board) => board.powerOn()));
    await Promise.all(made.map((board) => board.reaches(['agent'], 120_000)));
    for (const [at, board] of made.entries()) {
      const path = `/api/v1/machines/${board.mac}`;
      // Nobody accepts them: they boot the agent again each time, and answer when it runs.
      await lab.farrier.api.must('PATCH', path, { name: names[at] });
      await lab.farrier.api.must('PUT', `${path}/power`, {
        driver: 'line-pdu',
        parameters: { host: ADDRESS, port: pdu.port, outlet: at + 1 },
        secrets: { password: PASSWORD },
      });
    }
  });
  after(async () => {
    await pdu.stop();
    await lab.stop();
    await folder.remove();
  });

  async function ended(): Promise<unknown> {
    const untilMs = performance.now() + 280_000;
    for (;;) {
      const test = await lab.farrier.api.must('GET', '/api/v1/power/flip-test');
      if (memberOf(test, 'state') !== 'running') return test;
      assert.ok(performance.now() < untilMs, JSON.stringify(test));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  it('two of eight are swapped: both are named, the six others are right, and all are on', async () => {
    const order = { machines: names, confirm: true, silentS: 60, backS: 120 };
    assert.equal((await lab.farrier.api.call('POST', '/api/v1/power/flip-test', { machines: names })).status, 409);
    await lab.farrier.api.must('POST', '/api/v1/power/flip-test', order);
    const found = listOf(await ended(), 'outlets');
    assert.deepEqual(
      found.map((outlet) => [memberOf(outlet, 'machine'), memberOf(outlet, 'words')]),
      names.map((name, at) => {
        const other = WIRED[at] ?? 0;
        return [name, other === at + 1 ? 'right' : `swapped with slot-${String(other)}`];
      }),
    );
    assert.deepEqual(
      found.map((outlet) => memberOf(outlet, 'missing')),
      names.map(() => []),
    );
    assert.ok(boards.every((board) => board.isOn()));
  });

  it('aborted in the middle, what was off is on again', async () => {
    const order = { machines: names.slice(0, 2), confirm: true };
    await lab.farrier.api.must('POST', '/api/v1/power/flip-test', order);
    const untilMs = performance.now() + 30_000;
    while (boards[0]?.isOn() === true) {
      assert.ok(performance.now() < untilMs, 'the first is switched off');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await lab.farrier.api.must('DELETE', '/api/v1/power/flip-test');
    assert.equal(memberOf(await ended(), 'state'), 'aborted');
    assert.ok(boards.every((board) => board.isOn()));
  });
});
