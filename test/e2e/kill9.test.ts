import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { BOARD_KINDS } from '../../lab/board-kinds.ts';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { formatIpv4, ipv4, type Mac } from '../../server/core/address.ts';
import { openLoad, type LoadSource } from '../support/dhcp-load.ts';
import { listOf, startFarrier, type FarrierProcess } from '../support/farrier-process.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';

const BOARDS = 10;
const ROUNDS = 3;
/** Far longer than it takes: the host may be busy. */
const ACKED_MS = 60_000;

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
      this.timeout(400_000);
      const boards: VirtualBoard[] = [];
      for (let nth = 1; nth <= BOARDS; nth += 1) {
        made += 1;
        boards.push(await lab.board(made, BOARD_KINDS[nth % BOARD_KINDS.length] ?? 'bios-ipxe'));
      }
      await Promise.all(boards.map((board) => board.powerOn()));
      // Killed when a third, a half, two thirds of the boards have heard their ACK: never at the same place twice.
      const enough = Math.ceil((BOARDS * (round + 1)) / (ROUNDS + 3));
      const giveUpMs = performance.now() + ACKED_MS;
      while (boards.filter((board) => acked(board).length > 0).length < enough) {
        assert.ok(
          performance.now() < giveUpMs,
          `fewer than ${String(enough)} boards were ACKed in ${String(ACKED_MS)} ms`,
        );
        await sleep(2);
      }
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

/** How often the daemon is killed; more by `FARRIER_KILLS`. */
const KILLS = Number(process.env['FARRIER_KILLS'] ?? 30);
/** ACKs before a kill: at least these, and up to so many more by chance. */
const ACKS_MIN = 20;
const ACKS_BY_CHANCE = 40;
const STRANGERS = 8;
/** The last who were ACKed before the kill ask again after it. */
const RETURNING = 8;
/** MACs of one round. */
const BLOCK = 1000;
const OUTSTANDING = 16;
/** On a machine that starts the daemon at once; one that is busy may take as much longer as a first start took there. */
const BACK_MS = 5000;
/** For what the dead daemon has sent and is not read yet. */
const LAST_WORDS_MS = 20;

describe('kill -9 right after the nth ACK', () => {
  let lan: Lan;
  let farrier: FarrierProcess;
  let load: LoadSource;
  const addressOf = new Map<number, number>();
  const holderOf = new Map<number, number>();
  const faults: string[] = [];
  let acks = 0;
  let backMs = BACK_MS;

  before(async () => {
    lan = await layLan('killn', '10.96.0.1/24');
    const host = await lan.addHost('killn-srv', { address: '10.98.0.1/16' });
    // The daemon has a host of its own: who asks for an address has none.
    await tool('ip', ['addr', 'flush', 'dev', lan.bridge]);
    const network = { name: 'kills', interface: 'eth0', subnet: '10.98.0.0/16', address: '10.98.0.1' };
    const startMs = performance.now();
    farrier = await startFarrier({
      networks: [{ ...network, pools: ['10.98.1.0-10.98.250.255'], probe: 'none' }],
      spawn: (command, args, options) => host.spawn(command, args, options),
    });
    backMs = BACK_MS + 3 * (performance.now() - startMs);
    load = await openLoad(lan.bridge);
  });
  after(async () => {
    await load.close();
    await farrier.stop();
    await lan.remove();
  });

  /** What a client may say against an ACK: the address is another's (I1), or not the one it had (I2). */
  function take(mac: number, address: number): void {
    acks += 1;
    const holder = holderOf.get(address) ?? mac;
    const had = addressOf.get(mac) ?? address;
    const words = formatIpv4(ipv4(address));
    if (holder !== mac) faults.push(`I1: ${words} was ACKed to client ${String(holder)} and to ${String(mac)}`);
    if (had !== address) faults.push(`I2: client ${String(mac)} had ${formatIpv4(ipv4(had))}, now ${words}`);
    holderOf.set(address, mac);
    addressOf.set(mac, address);
  }

  const ask = (firstMac: number, clients: number, onAck = take): ReturnType<LoadSource['run']> =>
    load.run({ firstMac, clients, handshakes: clients, outstanding: OUTSTANDING, isFirmware: false, onAck });

  async function missing(): Promise<readonly string[]> {
    const leases = listOf(await farrier.api.must('GET', '/api/v1/leases'), 'leases');
    const kept = new Map(leases.map((lease) => [memberOf(lease, 'mac'), memberOf(lease, 'address')]));
    return [...addressOf].flatMap(([mac, address]) => {
      const text = `52:54:${mac
        .toString(16)
        .padStart(8, '0')
        .replace(/..(?=.)/g, '$&:')}`;
      const want = formatIpv4(ipv4(address));
      return kept.get(text) === want ? [] : [`${text} was ACKed ${want}, the table has ${String(kept.get(text))}`];
    });
  }

  /** Serves newcomers until the nth ACK, and is dead in the very turn it was heard in. */
  async function killAfter(nth: number, firstMac: number): Promise<void> {
    let heard = 0;
    let killed: Promise<void> | undefined;
    const over = ask(firstMac, BLOCK - STRANGERS, (mac, address) => {
      heard += 1;
      if (heard === nth) {
        killed = farrier.kill9();
        void killed.then(() => sleep(LAST_WORDS_MS)).then(load.halt);
      }
      take(mac, address);
    });
    await over;
    assert.ok(killed, 'it was killed before all had their addresses');
    await killed;
  }

  it(`${String(KILLS)} times: I1, I2, strangers first, and DHCP is back within 5 s`, async function () {
    this.timeout(KILLS * 60_000);
    let nth = RETURNING;
    const tookMs: number[] = [];
    for (let round = 0; round <= KILLS; round += 1) {
      const base = round * BLOCK;
      const startMs = performance.now();
      if (round > 0) await farrier.start();
      // Strangers first: an address whose ACK was forgotten would go to one of them.
      await ask(base, STRANGERS);
      tookMs.push(performance.now() - startMs);
      if (round > 0) await ask(base - BLOCK + STRANGERS + nth - RETURNING, RETURNING);
      assert.deepEqual([await missing(), faults], [[], []], `round ${String(round)}, ${String(acks)} ACKs so far`);
      if (round === KILLS) break;
      nth = ACKS_MIN + Math.floor(Math.random() * ACKS_BY_CHANCE);
      await killAfter(nth, base + STRANGERS);
    }
    // What else runs on this machine may hold up one start or another, and does not hold up half of them.
    const median = tookMs.sort((a, b) => a - b)[KILLS >> 1] ?? NaN;
    assert.ok(median < backMs, `DHCP was back after ${median.toFixed(0)} ms of ${backMs.toFixed(0)}`);
    assert.ok(acks >= KILLS * (ACKS_MIN + STRANGERS + RETURNING), `${String(acks)} ACKs`);
    assert.ok(holderOf.size >= KILLS * (ACKS_MIN + STRANGERS), `${String(holderOf.size)} addresses`);
  });
});
