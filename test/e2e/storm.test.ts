import { strict as assert } from 'node:assert';
import { BOARD_KINDS } from '../../lab/board-kinds.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { listOf } from '../support/farrier-process.ts';
import { startStormLab, stormMac, type StormLab } from '../support/storm.ts';

const BOARDS = 200;

describe('a storm of boards', () => {
  let lab: StormLab;
  before(async () => {
    lab = await startStormLab('storm0', 98);
  });
  after(async () => {
    await lab.stop();
  });

  it(`${String(BOARDS)} boards that are switched on at once all enlist, each at an address of its own`, async function () {
    this.timeout(240_000);
    const numbers = Array.from({ length: BOARDS }, (_, index) => index + 1);
    const boards = [];
    for (const nth of numbers) boards.push(await lab.board(nth, BOARD_KINDS[nth % BOARD_KINDS.length] ?? 'bios-ipxe'));
    await Promise.all(boards.map((board) => board.powerOn()));
    const reports = await Promise.all(boards.map((board) => board.reaches(['agent'], 220_000)));
    assert.equal(new Set(reports.map((report) => report.address)).size, BOARDS);

    const machines = listOf(await lab.farrier.api.must('GET', '/api/v1/machines'), 'machines');
    const macs = machines.flatMap((machine) => listOf(machine, 'macs'));
    assert.deepEqual([...macs].sort(), numbers.map(stormMac).sort());
    const withoutFacts = machines.filter((machine) => memberOf(machine, 'facts') === undefined);
    assert.deepEqual(
      withoutFacts.map((machine) => memberOf(machine, 'name')),
      [],
    );
  });
});
