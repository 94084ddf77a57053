import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fetchLoaders } from '../../agent/loaders.ts';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { buildQemuRack } from '../../lab/qemu-rack.ts';
import type { QemuBoard } from '../../lab/qemu-board.ts';
import type { Rack, RackSlot } from '../../lab/rack.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { macOf } from '../../server/core/address.ts';
import type { Layer } from '../../server/core/boot-verdict.ts';
import { agentFor, TEST_CACHE } from '../support/agent-boot.ts';
import { initThat } from '../support/own-init.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';

const LOSSY = { reserved: '10.96.0.66' };
/** Far shorter than in a lab, so that silences are known soon; a boot that is slow takes an early verdict back. */
const DEADLINES = { heardS: 20, addressS: 20, firstFileS: 20, nextFileS: 15, callS: 30, bootedS: 30 };
const VERDICT_MS = 240_000;

/** One machine with what is wrong with it. */
interface Fault {
  readonly name: string;
  readonly kind: 'uboot-arm64' | 'uefi-arm64';
  /** The lines its board adds to the one it extends. */
  readonly board: (board: QemuBoard, place: string) => Promise<readonly string[]>;
  readonly extraArgs?: readonly string[];
  /** The agent it is served; `good` unless said. */
  readonly agent?: 'good' | 'cut' | 'no-initrd' | 'no-root' | 'wrong-loader';
  /** Done after it is known and before it is switched on; gives what undoes it. */
  readonly before?: (slot: RackSlot<QemuBoard>, machine: unknown) => Promise<(() => Promise<void>) | undefined>;
  readonly layer: Layer | undefined;
  readonly rules: readonly string[];
  readonly cause: RegExp;
}

const own = async (board: QemuBoard, place: string): Promise<readonly string[]> => {
  await writeFile(join(place, 'lab.dtb'), await board.dtb('Farrier lab verdicts'));
  return ["dtb: { file: lab.dtb, source: 'dumped from QEMU', licence: GPL-2.0-only }"];
};

/** The tree of a board with nothing in it that this one has: no interrupt controller, no timer, no serial port. */
const OTHER_BOARD = `/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>; model = "Another board"; compatible = "acme,another"; interrupt-parent = <1>;
  memory@80000000 { device_type = "memory"; reg = <0 0x80000000 0 0x10000000>; }; chosen { }; };
`;

describe('verdicts over real firmware, without a console', function () {
  this.timeout(1_800_000);
  let folder: string;
  let lan: Lan;
  let rack: Rack<QemuBoard>;
  let farrier: FarrierProcess;
  const served = new Map<string, string>();

  const FAULTS: readonly Fault[] = [
    {
      ...{ name: 'good', kind: 'uboot-arm64', board: own },
      ...{ layer: undefined, rules: ['facts'], cause: /agent/ },
    },
    {
      ...{ name: 'overflow', kind: 'uboot-arm64' },
      // The board lies: it says that its u-boot holds 4000 octets, and it holds 512.
      board: async (board, place) => [
        ...(await own(board, place)),
        'loaders: [{ loader: u-boot, formats: [extlinux], argOctetsMax: { extlinux: 4000 } }]',
      ],
      extraArgs: ['a', 'b', 'c'].map((name) => `lab.${name}=${name.repeat(200)}`),
      ...{ layer: 'loader', rules: ['file-not-asked'], cause: /arguments too long/ },
    },
    {
      ...{ name: 'no-tree', kind: 'uboot-arm64' },
      board: () => Promise.resolve(["dtb: { file: gone.dtb, source: 'nowhere', licence: none }"]),
      ...{ layer: 'kernel', rules: ['refused'], cause: /gone\.dtb is not there/ },
    },
    {
      ...{ name: 'other-tree', kind: 'uboot-arm64' },
      board: async (_board, place) => {
        await writeFile(join(place, 'other.dts'), OTHER_BOARD);
        await tool('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-o', join(place, 'other.dtb'), join(place, 'other.dts')]);
        return ["dtb: { file: other.dtb, source: 'of another board', licence: none }", "compatible: ['acme,another']"];
      },
      ...{
        layer: 'kernel',
        rules: ['kernel-silent', 'started-again'],
        cause: /kernel stopped before it could|the system never spoke/,
      },
    },
    {
      ...{ name: 'no-link', kind: 'uboot-arm64', board: own },
      before: async () => {
        await tool('ip', ['link', 'set', tapOf('no-link'), 'nomaster', 'down']);
        return undefined;
      },
      ...{ layer: 'network', rules: ['nothing-heard'], cause: /no packet of it was ever heard/ },
    },
    {
      ...{ name: 'loss', kind: 'uboot-arm64', board: own },
      before: async (slot) => {
        const { reserved } = LOSSY;
        await farrier.api.must('PATCH', `/api/v1/machines/${slot.board.mac}`, { reserved });
        const drop = ['-d', reserved, '-p', 'udp', '!', '--sport', '67'];
        const rule = [...drop, '-m', 'statistic', '--mode', 'random', '--probability', '0.9', '-j', 'DROP'];
        await tool('iptables-legacy', ['-w', '30', '-A', 'OUTPUT', ...rule]);
        return async () => {
          await tool('iptables-legacy', ['-w', '30', '-D', 'OUTPUT', ...rule]);
        };
      },
      ...{ layer: 'network', rules: ['transfer-failed'], cause: /packets are lost/ },
    },
    {
      ...{ name: 'metadata', kind: 'uboot-arm64', board: own },
      before: (_slot, machine) => {
        const db = new Database(join(farrier.folder, 'data', 'farrier.db'));
        const id = String(memberOf(machine, 'id')).replaceAll("'", '');
        db.exec(`CREATE TRIGGER lab_fault BEFORE INSERT ON event WHEN NEW.kind = 'agent' AND NEW.machine = '${id}'
                 BEGIN SELECT RAISE(ABORT, 'injected by this test'); END`);
        db.close();
        return Promise.resolve(undefined);
      },
      ...{ layer: 'initrd', rules: ['call-failed'], cause: /could not be answered.*injected by this test/ },
    },
    {
      ...{ name: 'panic', kind: 'uboot-arm64', board: own },
      // Too little memory to set itself up: it panics before it has a console.
      extraArgs: ['mem=2M'],
      ...{
        layer: 'kernel',
        rules: ['kernel-silent', 'started-again'],
        cause: /kernel stopped before it could|the system never spoke/,
      },
    },
    {
      ...{ name: 'cut-kernel', kind: 'uboot-arm64', board: own, agent: 'cut' },
      ...{ layer: 'kernel', rules: ['kernel-silent', 'started-again'], cause: /the kernel is cut short/ },
    },
    {
      ...{ name: 'no-initrd', kind: 'uboot-arm64', board: own, agent: 'no-initrd' },
      ...{ layer: 'initrd', rules: ['file-not-here'], cause: /initrd .* Farrier no longer has it/ },
    },
    {
      ...{ name: 'no-root', kind: 'uboot-arm64', board: own, agent: 'no-root', extraArgs: ['root=/dev/vdz'] },
      ...{ layer: 'image', rules: ['image-silent'], cause: /never came up/ },
    },
    {
      ...{ name: 'wrong-loader', kind: 'uefi-arm64', board: () => Promise.resolve([]), agent: 'wrong-loader' },
      ...{
        layer: 'loader',
        rules: ['config-not-asked', 'loader-not-started'],
        cause: /loader program is for amd64, and the board is arm64/,
      },
    },
  ];
  const tapOf = (name: string): string => `v-${name}`;
  const slotOf = (fault: Fault): RackSlot<QemuBoard> => rack.slots[FAULTS.indexOf(fault)]!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-verdicts-'));
    lan = await layLan('verd0', '10.96.0.1/24');
    rack = await buildQemuRack(
      lan,
      folder,
      FAULTS.map(({ name, kind }, nth) => ({
        ...{ kind, name: tapOf(name), mac: macOf(Uint8Array.of(0x52, 0x54, 0, 0x96, 0, nth + 1)) },
        uuid: `daf5ab7e-f6f5-53cd-9583-3dd819d436${String(nth).padStart(2, '0')}`,
        ...(kind === 'uboot-arm64' ? { uboot: 'pxe' as const } : {}),
        acpi: false,
        bmc: { address: '127.0.0.1', port: 9640 + nth, password: `lab-secret-${String(nth)}` },
      })),
    );
    for (const fault of FAULTS) await writeBoard(fault);
    farrier = await startFarrier({
      networks: [
        {
          ...{ name: 'verdicts', interface: 'verd0', subnet: '10.96.0.0/24', address: '10.96.0.1' },
          ...{ pools: ['10.96.0.100-10.96.0.199'], probe: 'none' },
        },
      ],
      boards: [join(folder, 'boards')],
      more: { bootDeadlines: DEADLINES },
    });
    await importAgent('good');
    await meetAll();
  });
  after(async () => {
    await rack.stop();
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  async function writeBoard(fault: Fault): Promise<void> {
    const place = join(folder, 'boards', `lab-${fault.name}`);
    await mkdir(place, { recursive: true });
    const base = fault.kind === 'uboot-arm64' ? 'qemu-virt-arm64-uboot' : 'qemu-virt-arm64-uefi';
    const head = [`title: Lab ${fault.name}`, `extends: ${base}`, "signs: { oui: ['02:fa:22'] }"];
    const lines = [...head, ...(await fault.board(slotOf(fault).board, place)), "sources: ['this test']", ''];
    await writeFile(join(place, 'board.yaml'), lines.join('\n'));
  }

  async function put(name: string, octets: Uint8Array): Promise<{ name: string; sha256: string }> {
    return { name, sha256: await farrier.api.upload(name, octets) };
  }

  /** What each agent lies about; the newest one is what machines are given that nobody has accepted. */
  async function importAgent(which: NonNullable<Fault['agent']>): Promise<void> {
    const built = await agentFor('arm64');
    const [kernel, initrd] = [await readFile(built.kernel), await readFile(built.initrd)];
    const linux = which === 'cut' ? kernel.subarray(0, kernel.length >> 1) : kernel;
    const rest =
      which === 'no-root' ? await initThatSignals() : which === 'no-initrd' ? Buffer.alloc(512) : Buffer.alloc(0);
    const files = { kernel: await put('linux', linux), initrd: await put('initrd.gz', Buffer.concat([initrd, rest])) };
    const loaders = which === 'wrong-loader' ? [await put('shimaa64.efi', await foreignShim())] : [];
    const common = { version: which, arch: 'arm64', role: 'agent', source: 'made by this test' };
    const body = { ...common, name: 'agent-arm64', loaders, ...files, kernelArgs: built.kernelArgs };
    await farrier.api.must('POST', '/api/v1/bundles', body);
    served.set(which, files.initrd.sha256);
    if (which !== 'no-initrd') return;
    const { sha256 } = files.initrd;
    await rm(join(farrier.folder, 'data', 'artefacts', sha256.slice(0, 2), sha256));
  }

  /** The agent's own script up to its network; then it says that it runs, and waits for a disk that never comes. */
  function initThatSignals(): Promise<Buffer> {
    return initThat(`
printf '{"signal":"kernel-started","cmdline":"%s"}' "$(cat /proc/cmdline)" >/run/signal.json
post /agent/v1/signal /run/signal.json
while ! mount -o ro "$(tr ' ' '\\n' </proc/cmdline | grep ^root= | cut -c6-)" /mnt 2>/dev/null; do sleep 1; done
`);
  }

  async function foreignShim(): Promise<Buffer> {
    const found = await fetchLoaders({ arch: 'amd64', cacheDir: TEST_CACHE, outDir: join(folder, 'loaders') });
    const shim = found.find((each) => each.name === 'shimx64.efi');
    assert.ok(shim);
    return readFile(shim.file);
  }

  /** Somebody presses each button once: machines are met by their DHCP. Then they are off, and can be switched. */
  async function meetAll(): Promise<void> {
    for (let at = 0; at < FAULTS.length; at += 4) await Promise.all(FAULTS.slice(at, at + 4).map(meet));
  }

  async function meet(fault: Fault): Promise<void> {
    const slot = slotOf(fault);
    const path = `/api/v1/machines/${slot.board.mac}`;
    await slot.board.powerOn();
    await untilApi(farrier.api, path, () => true, 300_000);
    await slot.board.powerOff();
    await farrier.api.must('PATCH', path, { board: `lab-${fault.name}`, extraArgs: fault.extraArgs ?? [] });
    await farrier.api.must('PUT', `${path}/power`, slot.power);
  }

  const timelineOf = (fault: Fault): string => `/api/v1/machines/${slotOf(fault).board.mac}/timeline`;
  /** The boots that were ordered with their faults: a board that starts anew has a second record after it. */
  const ordered = new Map<string, string>();
  const verdictIn = (fault: Fault, body: unknown): unknown =>
    memberOf(
      listOf(body, 'boots').find((boot) => memberOf(boot, 'id') === ordered.get(fault.name)),
      'verdict',
    );

  async function verdictIs(fault: Fault): Promise<unknown> {
    try {
      const suits = (body: unknown): boolean =>
        fault.rules.includes(String(memberOf(verdictIn(fault, body), 'rule'))) &&
        memberOf(verdictIn(fault, body), 'state') !== 'under way';
      return verdictIn(fault, await untilApi(farrier.api, timelineOf(fault), suits, VERDICT_MS));
    } catch (cause) {
      const { body } = await farrier.api.call('GET', timelineOf(fault));
      const events = listOf(body, 'events').map((event) => String(memberOf(event, 'text')));
      const serial = (await slotOf(fault).board.serial()).slice(-3000);
      throw new Error(
        `no such verdict, but ${JSON.stringify(verdictIn(fault, body))}\n${events.join('\n')}\n${serial}`,
        {
          cause,
        },
      );
    }
  }

  /** Switches it on with its fault in place; what comes of it is waited for apart. */
  async function begin(fault: Fault): Promise<{ readonly end: Promise<unknown> }> {
    if (fault.agent !== undefined && !served.has(fault.agent)) await importAgent(fault.agent);
    const slot = slotOf(fault);
    const path = `/api/v1/machines/${slot.board.mac}`;
    const undo = await fault.before?.(slot, await farrier.api.must('GET', path));
    const before = listOf(await farrier.api.must('GET', timelineOf(fault)), 'boots').length;
    // Some of these faults are refused before the power goes on; here they shall be met all the same.
    await farrier.api.must('POST', `${path}/power/on`, { force: true });
    const begun = await untilApi(
      farrier.api,
      timelineOf(fault),
      (body) => listOf(body, 'boots').length > before,
      60_000,
    );
    ordered.set(fault.name, String(memberOf(listOf(begun, 'boots').at(-1 - before), 'id')));
    // The next one may be given another agent: this one must have its files by then.
    const hasFiles = (body: unknown): boolean =>
      /^(loader|kernel|started|called|booted)$/.test(String(memberOf(verdictIn(fault, body), 'lastGood'))) ||
      memberOf(verdictIn(fault, body), 'state') === 'failed';
    if (fault.agent !== undefined) await untilApi(farrier.api, timelineOf(fault), hasFiles, VERDICT_MS);
    const end = verdictIs(fault).finally(async () => {
      await undo?.();
      await slot.board.powerOff();
    });
    end.catch(() => undefined);
    return { end };
  }

  const begun = new Map<string, Promise<unknown>>();
  /** Four boards at a time: that is what two slow cores carry. */
  async function verdictInItsGroup(fault: Fault): Promise<unknown> {
    const group = FAULTS.slice(FAULTS.indexOf(fault) & ~3).slice(0, 4);
    for (const each of group) if (!begun.has(each.name)) begun.set(each.name, (await begin(each)).end);
    return begun.get(fault.name);
  }

  for (const fault of FAULTS)
    it(`${fault.name}: ${fault.layer ?? 'ends well'}`, async () => {
      const verdict = await verdictInItsGroup(fault);
      assert.equal(memberOf(verdict, 'layer'), fault.layer);
      assert.match(String(memberOf(verdict, 'cause')), fault.cause);
      assert.equal(memberOf(verdict, 'remedy') !== undefined, fault.layer !== undefined, 'what to try');
    });
});
