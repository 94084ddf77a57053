import { strict as assert } from 'node:assert';
import { BOARD_KINDS } from '../../lab/board-kinds.ts';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { formatIpv4, type Mac } from '../../server/core/address.ts';
import { listOf } from '../support/farrier-process.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';

const BOARDS = 10;
const ROUNDS = 3;

/** Addresses a board was ACKed, as it saw them itself. */
function acked(board: VirtualBoard): readonly string[] {
  return board.report().log.flatMap(({ what, words }) => {
    const address = what === 'dhcp' ? /^has ([\d.]+),/.exec(words)?.[1] : undefined;
    return address === undefined ? [] : [address];
  });
}

describe('kill -9 in the middle of ten boots', () => {
  let lab: StormLab;
  let made = 0;
  before(async () => {
    lab = await startStormLab('kill0', 99);
  });
  after(async () => {
    await lab.stop();
  });

  async function leases(): Promise<ReadonlyMap<Mac, string>> {
    const body = await lab.farrier.api.must('GET', '/api/v1/leases');
    return new Map(
      listOf(body, 'leases').map((lease) => [memberOf(lease, 'mac') as Mac, String(memberOf(lease, 'address'))]),
    );
  }

  for (let round = 1; round <= ROUNDS; round += 1)
    it(`I2, round ${String(round)}: no ACKed lease and no machine is lost, and all ten boots come to their end`, async function () {
      this.timeout(150_000);
      const boards: VirtualBoard[] = [];
      for (let nth = 1; nth <= BOARDS; nth += 1) {
        made += 1;
        boards.push(await lab.board(made, BOARD_KINDS[nth % BOARD_KINDS.length] ?? 'bios-ipxe'));
      }
      await Promise.all(boards.map((board) => board.powerOn()));
      // Killed when a third, a half, two thirds of the boards have heard their ACK: never at the same place twice.
      const enough = Math.ceil((BOARDS * (round + 1)) / (ROUNDS + 3));
      while (boards.filter((board) => acked(board).length > 0).length < enough)
        await new Promise((resolve) => setTimeout(resolve, 2));
      await lab.farrier.kill9();
      const before = new Map(boards.flatMap((board) => acked(board).map((address) => [board.mac, address] as const)));
      assert.ok(before.size >= enough);

      await lab.farrier.start();
      const after = await leases();
      for (const [mac, address] of before) assert.equal(after.get(mac), address, `${mac} was ACKed ${address}`);
      const machines = listOf(await lab.farrier.api.must('GET', '/api/v1/machines'), 'machines');
      const macs = machines.flatMap((machine) => listOf(machine, 'macs'));
      for (const mac of before.keys()) assert.ok(macs.includes(mac), `${mac} is still a machine`);

      const reports = await Promise.all(boards.map((board) => board.reaches(['agent'], 120_000)));
      assert.equal(new Set(reports.map((report) => report.address)).size, BOARDS);
      for (const [nth, report] of reports.entries()) {
        const kept = before.get(boards[nth]!.mac);
        if (kept !== undefined) assert.equal(report.address === undefined ? '' : formatIpv4(report.address), kept);
      }
      await Promise.all(boards.map((board) => board.powerOff()));
    });
});
