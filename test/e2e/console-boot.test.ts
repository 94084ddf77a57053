import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { startChassisControl, type ChassisControl } from '../../lab/chassis-control.ts';
import { startIpmiSim, type IpmiSim } from '../../lab/ipmi-sim.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import { FLASH_OCTETS, savedEnvironment } from '../../lab/qemu/uboot-environment.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { boardOf, startHeldQemu, type HeldQemu } from '../support/held-qemu.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { mac, sampleMachine } from '../support/samples.ts';
import { until } from '../support/until.ts';

const [BRIDGE, OURS] = ['conboot0', '10.97.0.1'];
const BOARD = { name: 'uboot-01', mac: mac('52:54:00:97:00:01'), uuid: 'daf5ab7e-f6f5-53cd-9583-3dd819d43701' };
const SOL = { name: 'sol-01', mac: mac('52:54:00:97:00:02'), uuid: 'daf5ab7e-f6f5-53cd-9583-3dd819d43702' };
const BMC = { host: '127.0.0.1', port: 9697, user: 'farrier' };
const PASSWORD = 'lab-secret-97';
const SOL_LINE_PORT = 9797;
/** Far longer than it takes: the host may be busy. */
const [FIRMWARE_MS, SOON_MS] = [240_000, 60_000];
/** So much of a flood is seen before the daemon is killed in the middle of it. */
const FLOOD_OCTETS = 30_000;

const pathOf = (name: string): string => `/api/v1/machines/${name}`;

/** What somebody at the console sees, in order and without a gap, and what he types. */
class Viewer {
  readonly #socket: WebSocket;
  #pieces: Buffer[] = [];
  /** The offset of the first octet. */
  from = -1;

  constructor(folder: string, name: string, from: number) {
    const path = `${pathOf(name)}/console/stream?from=${String(from)}`;
    this.#socket = new WebSocket(`ws+unix:${join(folder, 'data', 'farrier.sock')}:${path}`);
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.#pieces.push(data);
      else if (this.from < 0) this.from = Number(memberOf(JSON.parse(data.toString()), 'from'));
    });
  }

  octets(): Buffer {
    this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  /** The offset behind the last octet. */
  to(): number {
    return this.from + this.octets().length;
  }

  async shows(words: string): Promise<void> {
    const said = (): string => this.octets().toString('latin1').slice(-3000);
    await until(`the console shows "${words}"`, () => this.octets().includes(words), FIRMWARE_MS, said);
  }

  async type(keys: string): Promise<void> {
    this.#socket.send(JSON.stringify({ do: 'take', over: true }));
    await new Promise<void>((resolve) => {
      this.#socket.send(Buffer.from(keys), () => {
        resolve();
      });
    });
  }

  close(): void {
    this.#socket.terminate();
  }
}

describe('a console from the first octet, through the whole daemon', function () {
  this.timeout(1_800_000);
  let folder: string;
  let lan: Lan;
  let farrier: FarrierProcess;
  let board: HeldQemu;
  let solBoard: HeldQemu;
  let chassis: ChassisControl;
  let bmc: IpmiSim;
  let viewer: Viewer | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-console-boot-'));
    lan = await layLan(BRIDGE, `${OURS}/24`);
    await lan.addTap('conboot-1');
    const flash = join(folder, 'flash.fd');
    await writeFile(flash, savedEnvironment('pxe'));
    await truncate(flash, FLASH_OCTETS);
    const common = { kind: 'uboot-arm64', acpi: true, flash: undefined } as const;
    board = await startHeldQemu(
      { ...common, mac: BOARD.mac, uuid: BOARD.uuid, tap: 'conboot-1', flash },
      { folder, name: BOARD.name, serial: { is: 'unix' } },
    );
    // It has no flash and no network that answers: Debian's own environment, which tries everything and then waits.
    solBoard = await startHeldQemu(
      { ...common, mac: SOL.mac, uuid: SOL.uuid, tap: undefined },
      { folder, name: SOL.name, serial: { is: 'tcp', port: SOL_LINE_PORT } },
    );
    chassis = await startChassisControl(join(folder, 'chassis'));
    const powerProgram = await chassis.programFor(boardOf(solBoard, { ...SOL, kind: 'uboot-arm64' }));
    bmc = await startIpmiSim({ ...BMC, password: PASSWORD, powerProgram, solPort: SOL_LINE_PORT });
    await writeBoard();
    await addMachines();
    farrier = await startFarrier({
      networks: [
        {
          ...{ name: 'rack1', interface: BRIDGE, subnet: '10.97.0.0/24', address: OURS },
          ...{ pools: ['10.97.0.100-10.97.0.199'], probe: 'none' },
        },
      ],
      dataDir: join(folder, 'data'),
      boards: [join(folder, 'boards')],
    });
    await importNoKernel();
  });
  after(async () => {
    viewer?.close();
    await farrier.stop();
    await bmc.stop();
    await chassis.stop();
    await board.stop();
    await solBoard.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  /** The board lies: it says that its u-boot holds 4000 octets of arguments, and it holds 512. */
  async function writeBoard(): Promise<void> {
    const place = join(folder, 'boards', 'lab-console');
    await mkdir(place, { recursive: true });
    const lines = [
      'title: Lab console',
      'extends: qemu-virt-arm64-uboot',
      "signs: { oui: ['02:fa:23'] }",
      'loaders: [{ loader: u-boot, formats: [extlinux], argOctetsMax: { extlinux: 4000 } }]',
      "sources: ['this test']",
    ];
    await writeFile(join(place, 'board.yaml'), `${lines.join('\n')}\n`);
  }

  async function addMachines(): Promise<void> {
    const file = join(folder, 'data', 'farrier.db');
    await mkdir(join(folder, 'data'), { recursive: true, mode: 0o700 });
    const store = await openStore({ file, clock: realClock, log: createQuietLog() });
    for (const [nth, { name, mac: macOfIt, uuid }] of [BOARD, SOL].entries()) {
      const known = { name, macs: [macOfIt], systemUuid: uuid, arch: 'arm64', board: 'lab-console' } as const;
      await store.machines.add(sampleMachine(nth + 1, { ...known, state: 'new', network: 'rack1' }), []);
    }
    await store.close();
  }

  /** An agent for arm64 whose kernel is none. */
  async function importNoKernel(): Promise<void> {
    const put = async (name: string): Promise<{ name: string; sha256: string }> => ({
      name,
      sha256: await farrier.api.upload(name, Buffer.alloc(100_000, `no ${name} at all `)),
    });
    const files = { kernel: await put('linux'), initrd: await put('initrd.gz'), loaders: [] };
    const words = { name: 'agent-arm64', version: '1', arch: 'arm64', role: 'agent', kernelArgs: [] };
    await farrier.api.must('POST', '/api/v1/bundles', { ...words, ...files, source: 'made by this test' });
  }

  /** Its console as it is: text would not be the judge of octets. */
  function recorded(name: string, query = ''): Promise<{ from: number; octets: Buffer }> {
    return new Promise((resolve, reject) => {
      const socketPath = join(folder, 'data', 'farrier.sock');
      request({ socketPath, path: `${pathOf(name)}/console/log?as=raw${query}`, agent: false }, (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece)).once('error', reject);
        answer.once('end', () => {
          assert.equal(answer.statusCode, 200, Buffer.concat(pieces).toString());
          resolve({ from: Number(answer.headers['console-from']), octets: Buffer.concat(pieces) });
        });
      })
        .once('error', reject)
        .end();
    });
  }

  /** The board is at its prompt: what its last words have to do is to arrive. */
  async function isAll(held: HeldQemu, name: string, query = ''): Promise<void> {
    const isSame = async (): Promise<boolean> => (await recorded(name, query)).octets.equals(await held.log());
    const differ = async (): Promise<string> => {
      const [{ octets }, said] = [await recorded(name, query), await held.log()];
      const at = octets.findIndex((octet, nth) => octet !== said[nth]);
      const around = (all: Buffer): string =>
        JSON.stringify(all.subarray(Math.max(0, at - 60), at + 160).toString('latin1'));
      const counts = `${String(octets.length)} octets are not the ${String(said.length)}`;
      return `${counts}; from ${String(at)} on ${around(octets)} and not ${around(said)}`;
    };
    await until('the recording is what QEMU put on the line', isSame, SOON_MS, differ);
  }
  const recordedTo = async (name: string): Promise<number> =>
    Number(memberOf(memberOf(await farrier.api.must('GET', `${pathOf(name)}/console`), 'recorded'), 'to'));
  const watch = (name: string, from: number): Viewer => {
    viewer?.close();
    viewer = new Viewer(folder, name, from);
    return viewer;
  };
  async function open(name: string): Promise<void> {
    const isOpen = (body: unknown): boolean => memberOf(memberOf(body, 'line'), 'is') === 'open';
    await untilApi(farrier.api, `${pathOf(name)}/console`, isOpen, 60_000);
  }
  async function order(name: string): Promise<string> {
    const timeline = `${pathOf(name)}/timeline`;
    const before = listOf(await farrier.api.must('GET', timeline), 'boots').length;
    await farrier.api.must('POST', `${pathOf(name)}/power/on`, { force: true });
    const hasBegun = (body: unknown): boolean => listOf(body, 'boots').length > before;
    const begun = await untilApi(farrier.api, timeline, hasBegun, 60_000);
    return String(memberOf(listOf(begun, 'boots')[0], 'id'));
  }
  async function says(name: string, words: RegExp): Promise<void> {
    const hasIt = (body: unknown): boolean =>
      listOf(body, 'events').some((event) => words.test(String(memberOf(event, 'text'))));
    await untilApi(farrier.api, `${pathOf(name)}/timeline`, hasIt, FIRMWARE_MS);
  }
  /** The verdict of a boot, once the console has given it. */
  async function verdict(boot: string): Promise<unknown> {
    const verdictIn = (body: unknown): unknown =>
      memberOf(
        listOf(body, 'boots').find((each) => memberOf(each, 'id') === boot),
        'verdict',
      );
    const isSaid = (body: unknown): boolean => memberOf(verdictIn(body), 'rule') === 'console-said';
    return verdictIn(await untilApi(farrier.api, `${pathOf(BOARD.name)}/timeline`, isSaid, FIRMWARE_MS));
  }

  it('power on by QMP: the recording is what QEMU put on the line, from the first octet, and belongs to the boot', async () => {
    const power = { driver: 'qemu', parameters: { socket: board.qmp, serial: 'line' }, secrets: {} };
    await farrier.api.must('PUT', `${pathOf(BOARD.name)}/power`, power);
    await farrier.api.must('PUT', `${pathOf(BOARD.name)}/console`, { transport: 'power-driver', parameters: {} });
    const boot = await order(BOARD.name);
    const watching = watch(BOARD.name, 0);
    await watching.shows('Bad Linux ARM64 Image magic');
    await watching.shows('=> ');
    assert.equal((await recorded(BOARD.name)).from, 0);
    await isAll(board, BOARD.name);
    await isAll(board, BOARD.name, `&boot=${boot}`);

    await says(BOARD.name, /^u-boot 2023\.01\S* speaks on the console/);
    const isKnown = (machine: unknown): boolean => {
      const firmware = memberOf(machine, 'firmware');
      return memberOf(firmware, 'loader') === 'u-boot' && /^2023\.01/.test(String(memberOf(firmware, 'loaderVersion')));
    };
    await untilApi(farrier.api, pathOf(BOARD.name), isKnown, SOON_MS);
    const why = await verdict(boot);
    assert.equal(memberOf(why, 'layer'), 'loader');
    assert.match(String(memberOf(why, 'cause')), /its console says: .*no arm64 Image/);
  });

  it('kill -9 in the middle of a flood: what was read is kept, and the recording goes on at the next offset', async () => {
    const watching = watch(BOARD.name, await recordedTo(BOARD.name));
    await until('the stream is open', () => watching.from >= 0, SOON_MS);
    await watching.type('while true; do md.b 0 400; done\r');
    await until('the board floods', () => watching.octets().length > FLOOD_OCTETS, FIRMWARE_MS);
    await farrier.kill9();
    const seen = { octets: watching.octets(), from: watching.from, to: watching.to() };
    await farrier.start();
    await open(BOARD.name);
    const gone = await recordedTo(BOARD.name);
    assert.ok(gone >= seen.to, `${String(seen.to)} were seen, ${String(gone)} are recorded`);
    const again = watch(BOARD.name, gone);
    await until('it goes on', () => again.from >= 0 && again.octets().length > FLOOD_OCTETS, FIRMWARE_MS);
    await again.type('\x03');
    await again.shows('\n=> ');
    await again.type('echo the ${none}end\r');
    await again.shows('\nthe end');
    await again.shows('the end\r\n=> ');

    const [said, all] = [await board.log(), (await recorded(BOARD.name)).octets];
    let kept = 0;
    while (kept < all.length && all[kept] === said[kept]) kept += 1;
    assert.ok(kept >= seen.to, `${String(seen.to)} were seen, ${String(kept)} are as QEMU said them`);
    assert.ok(all.subarray(seen.from, seen.to).equals(seen.octets), 'who watched has seen the same');
    assert.equal(again.from, gone);
    assert.ok(all.subarray(gone, again.to()).equals(again.octets()), 'who came again too');
    assert.ok(said.subarray(said.length - (all.length - kept)).equals(all.subarray(kept)), 'and all from there on');
  });

  it('the next boot, with arguments that are too long, has its own part of the recording and its verdict', async () => {
    const extraArgs = ['a', 'b', 'c'].map((name) => `lab.${name}=${name.repeat(200)}`);
    await farrier.api.must('PATCH', pathOf(BOARD.name), { extraArgs });
    await farrier.api.must('POST', `${pathOf(BOARD.name)}/power/off`, { force: true });
    const before = await recordedTo(BOARD.name);
    const boot = await order(BOARD.name);
    const why = await verdict(boot);
    assert.equal(memberOf(why, 'layer'), 'loader');
    assert.match(String(memberOf(why, 'cause')), /its console says: .*bootarg overflow \d+\+/);
    const part = await recorded(BOARD.name, `&boot=${boot}`);
    assert.ok(part.from >= before);
    assert.match(part.octets.toString('latin1').slice(0, 200), /^[\s\0]*U-Boot 2023\.01/);
    const said = await board.log();
    assert.ok(said.includes(part.octets.subarray(0, 2000)));
    await farrier.api.must('POST', `${pathOf(BOARD.name)}/power/off`, { force: true });
  });

  it('serial over LAN from a BMC: the recording is what QEMU put on the line', async () => {
    const power = { driver: 'ipmi', parameters: BMC, secrets: { password: PASSWORD } };
    await farrier.api.must('PUT', `${pathOf(SOL.name)}/power`, power);
    await farrier.api.must('PUT', `${pathOf(SOL.name)}/console`, { transport: 'power-driver', parameters: {} });
    const boot = await order(SOL.name);
    const watching = watch(SOL.name, 0);
    await watching.shows('Hit any key to stop autoboot');
    await watching.type('\r');
    await watching.shows('=> ');
    await watching.type('echo typed ${none}over SOL\r');
    await watching.shows('\ntyped over SOL\r\n=> ');
    await isAll(solBoard, SOL.name, `&boot=${boot}`);
    await farrier.api.must('POST', `${pathOf(SOL.name)}/power/off`, { force: true });
  });
});
