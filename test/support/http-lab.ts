import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Board } from '../../server/core/board.ts';
import { sha256Of } from '../../server/edges/digest.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { createHttpApp, type HttpApp } from '../../server/http/app.ts';
import type { Trust, Users, Who } from '../../server/http/auth.ts';
import type { HttpDeps } from '../../server/http/deps.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { Log } from '../../server/ports/log.ts';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import type { Store } from '../../server/ports/store.ts';
import { ok } from '../../server/core/result.ts';
import { createBoardDrafts } from '../../server/services/board-drafts.ts';
import { createBoardDtbService } from '../../server/services/board-dtbs.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';
import { createMemoryArtefacts } from './memory-artefacts.ts';
import { openRender, textOfRendered } from '../../server/render/render.ts';
import { createParameterService } from '../../server/services/parameters.ts';
import { createBundleReader } from '../../server/files/bundle-reader.ts';
import { FetchError, type FetchUrl } from '../../server/ports/fetch.ts';
import { createBundleService } from '../../server/services/bundles.ts';
import { createBundleTries } from '../../server/services/bundle-tries.ts';
import { createChannelService } from '../../server/services/channels.ts';
import { createImportBundle } from '../../server/services/import-bundle.ts';
import { createKernelReport } from '../../server/services/kernel-report.ts';
import type { EnlistService } from '../../server/services/enlist.ts';
import { explainAnswer } from '../../server/net/dhcp-explain.ts';
import { createExplain } from '../../server/services/explain.ts';
import { startConsoles, type ConsoleService } from '../../server/services/consoles.ts';
import { createMachineService } from '../../server/services/machines.ts';
import type { PowerOutcome, PowerService } from '../../server/services/power.ts';
import type { Machine } from '../../server/core/machine.ts';
import { pretendArtefacts, rack1 } from '../services/boot-bench.ts';
import { agent, debian, pcBoard, ubootBoard } from '../core/boot-fixtures.ts';
import { createMemoryRecordings } from './memory-recordings.ts';
import { createPretendLine, type PretendLine } from './pretend-line.ts';
import { createMemoryStore } from './memory-store.ts';
import { createQuietLog } from './quiet-log.ts';
import { writeBootargs } from '../../server/render/bootargs-dtb.ts';
import { noDerived } from './no-derived.ts';
import { sampleEvent } from './samples.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The three accounts of the lab, by the cookie of their session. */
export const COOKIES = {
  viewer: 'cookie-of-a-viewer-0001',
  operator: 'cookie-of-an-operator-1',
  admin: 'cookie-of-an-admin-0001',
} as const;

/** The token of the one boot that is under way. */
export const BOOT_TOKEN = '0123456789abcdef0123456789abcdef';

function pretendUsers(): Users {
  const sessions = new Map<string, Who>(
    Object.entries(COOKIES).map(([role, cookie]) => [cookie, { name: `a-${role}`, role: role as Who['role'] }]),
  );
  return {
    login: (name, password) => {
      if (name === 'flooder') return Promise.resolve({ is: 'too-many', waitS: 300 });
      if (password !== 'horseshoe') return Promise.resolve({ is: 'refused', because: 'name or password is wrong' });
      return Promise.resolve({ is: 'done', cookie: COOKIES.operator });
    },
    session: (cookie) => Promise.resolve(sessions.get(cookie)),
    logout: (cookie) => {
      sessions.delete(cookie);
      return Promise.resolve();
    },
    list: () => Promise.resolve([...sessions.values()]),
    add: (user) =>
      Promise.resolve(
        user.name === 'a-admin' ? { is: 'taken', because: '"a-admin" is there already' } : { is: 'done' },
      ),
    change: () => Promise.resolve({ is: 'done' }),
    remove: (name) =>
      Promise.resolve(
        name === 'a-admin' ? { is: 'refused', because: 'it is the last admin' } : { is: 'unknown-user', because: name },
      ),
  };
}

const field = { scope: 'controller', required: true } as const;

const oneResult = (verdict: KitResult['verdict']): KitResult => ({
  rule: 'status',
  sentence: 'Asked for the state, it says on or off in time.',
  verdict,
  because: '"on" after 0.1 s',
  tookMs: 100,
});

/** Two drivers as declarations: the page draws its forms from nothing else. */
export const DRIVERS: readonly PowerDriver[] = [
  {
    name: 'ipmi',
    summary: 'IPMI 2.0 over LAN (RMCP+)',
    fields: {
      host: { ...field, kind: 'host', label: 'BMC address' },
      port: { ...field, kind: 'port', label: 'Port', default: 623 },
      user: { ...field, kind: 'text', label: 'User' },
      password: { ...field, kind: 'secret', label: 'Password', help: 'Kept encrypted; never shown again' },
      cipher: { ...field, kind: 'choice', label: 'Cipher suite', choices: ['17', '3'], default: '17', required: false },
    },
    abilities: ['on', 'off', 'status', 'reset', 'bootdev', 'identify', 'info'],
    callTimeoutMs: 1000,
    settleTimeoutMs: 5000,
    open: () => ({ set: () => Promise.resolve(), query: () => Promise.resolve('on') }),
  },
  {
    name: 'pdu-script',
    summary: 'A script that switches a PDU outlet',
    fields: {
      host: { ...field, kind: 'host', label: 'PDU address' },
      outlet: { ...field, kind: 'integer', label: 'Outlet', scope: 'machine', min: 1, max: 24 },
    },
    abilities: ['on', 'off', 'status'],
    callTimeoutMs: 1000,
    settleTimeoutMs: 5000,
    open: () => ({ set: () => Promise.resolve(), query: () => Promise.resolve('on') }),
  },
];

/** Power without any device: machines whose name holds `stuck` fail, `unbootable` ones are refused unless forced, all others do what they are told once `switched` says so. */
function pretendPower(store: Store, clock: Clock, switched: () => Promise<void>): PowerService {
  const underWay = new Map<string, 'on' | 'off' | 'cycle' | 'reset'>();
  const seen = (state: 'on' | 'off' | 'unknown', because?: string): NonNullable<Machine['powerSeen']> => ({
    state,
    atMs: clock.now(),
    because,
  });
  const tell = (machine: Machine, text: string): Promise<unknown> =>
    store.events.append([sampleEvent(text, { kind: 'power', machine: machine.id, atMs: clock.now() })]);
  const order: PowerService['order'] = async (machine, verb, _by, way): Promise<PowerOutcome> => {
    if (!machine.power) return { is: 'refused', because: `${machine.name} has no power driver; set one on its page` };
    if (machine.name.includes('unbootable') && way?.force === undefined)
      return { is: 'refused', because: `${machine.name} would not boot: its DTB is not there`, forcedBy: 'operator' };
    underWay.set(machine.id, verb);
    await tell(machine, `${machine.name}: power ${verb} was ordered`);
    await switched();
    underWay.delete(machine.id);
    if (machine.name.includes('stuck')) {
      const because = 'the BMC at 10.0.9.9 did not answer within 5 s; is its cable in?';
      await change(machine, seen('unknown', because), `${machine.name}: power ${verb} failed`);
      return { is: 'failed', code: 'unreachable', because, seen: seen('unknown', because) };
    }
    const state = verb === 'off' ? 'off' : 'on';
    await change(machine, seen(state), `${machine.name} was seen ${state} after power ${verb}`);
    return { is: 'done', seen: seen(state) };
  };
  const change = async (machine: Machine, powerSeen: Machine['powerSeen'], text: string): Promise<void> => {
    const now = (await store.machines.byId(machine.id)) ?? machine;
    const event = sampleEvent(text, { kind: 'power', machine: machine.id, atMs: clock.now() });
    await store.machines.change(now, { powerSeen }, [event]);
  };
  return {
    order,
    restsMs: () => 0,
    whyNot: (machine) => (machine.power ? undefined : `${machine.name} has no power driver; set one on its page`),
    status: () => Promise.resolve({ is: 'done', seen: seen('on') }),
    seen: (machine) => machine.powerSeen,
    say: (_machine, state) => Promise.resolve({ is: 'done', seen: seen(state) }),
    identify: (_machine, forS) =>
      Promise.resolve({ is: 'done', seen: { ...seen('on'), because: `blinks for ${forS} s` } }),
    info: () => Promise.resolve({ is: 'done', seen: seen('on'), info: { firmware: '1.2' } }),
    bootdev: () => Promise.resolve({ is: 'dropped', because: 'it changed hands meanwhile' }),
    underWay: (machine) => underWay.get(machine.id),
    abort: () => undefined,
    recover: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

const pretendEnlist: EnlistService = {
  meet: () => Promise.resolve(undefined),
  agentStep: (token, _from, step) =>
    Promise.resolve(
      token === BOOT_TOKEN && step !== 'bad'
        ? { is: 'bad-value', field: 'step', because: 'this lab knows no machine to tell of' }
        : { is: 'forbidden', because: 'no boot under way has this token' },
    ),
  agentFacts: () => Promise.resolve({ is: 'forbidden', because: 'no boot under way has this token' }),
  whoseBoot: () => Promise.resolve({ is: 'forbidden', because: 'no boot under way has this token' }),
  agentSignal: () => Promise.resolve({ is: 'forbidden', because: 'no boot under way has this token' }),
};

/** The real service over recordings in memory, with one pretended line behind every console. */
function pretendConsoles(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly rng: HttpDeps['rng'];
  readonly board: PretendLine;
}): ConsoleService {
  const { store, clock, board } = parts;
  const all = [board.transport, { ...board.transport, name: 'pretend-of-host', needs: 'admin' as const }];
  const transports = { list: () => all, byName: (name: string) => all.find((each) => each.name === name) };
  const starting = startConsoles({
    ...parts,
    transports,
    vault: { seal: (plain) => `sealed:${plain}`, open: (sealed) => sealed.slice(7) },
    drivers: { list: () => [], byName: () => undefined },
    recordings: createMemoryRecordings(clock),
    patterns: () => [],
    timeline: { add: (event) => void store.events.append([event]) },
  });
  return {
    ready: async (machine, signal) => (await starting).ready(machine, signal),
    room: async (machine) => (await starting).room(machine),
    heardOctets: () => undefined,
    setting: async (machine) => (await starting).setting(machine),
    set: async (machine, choice, by) => (await starting).set(machine, choice, by),
    transports: () => transports.list(),
    stop: async () => (await starting).stop(),
  };
}

/** The HTTP server with real services around a memory store, and pretend devices. */
export interface HttpLab {
  readonly deps: HttpDeps;
  readonly store: Store;
  readonly app: HttpApp;
  readonly log: ReturnType<typeof createQuietLog>;
  /** The board's end of every console of the transport `pretend`. */
  readonly board: PretendLine;
  /** Starts a listener of that trust on loopback; gives its address without a slash at the end. */
  listen(trust: Trust, port?: number): Promise<string>;
  close(): Promise<void>;
}

export const LAB_BOARDS: readonly Board[] = [
  { ...ubootBoard, name: 'apm-mustang', title: 'APM Mustang (X-Gene 1)', proof: 'tested' },
  { ...ubootBoard, name: 'qemu-virt-arm64-uboot', title: 'QEMU virt, arm64, u-boot', proof: 'emulated' },
  { ...pcBoard, name: 'generic-x64-uefi', title: 'Any x64 machine with UEFI', proof: 'emulated' },
];

const laid = new Set<HttpLab>();

/** Closes whatever lab a test left open, also when it failed in the middle. */
export async function closeLabs(): Promise<void> {
  for (const lab of laid) await lab.close();
}

/** What a lab has otherwise. */
export interface HttpLabOptions {
  readonly clock?: Clock;
  readonly boards?: readonly Board[];
  /** How long an order of power takes; no time at all unless told. */
  readonly powerTakesMs?: number;
  /** In place of a time: an order has been carried out when this resolves. */
  readonly powerSwitched?: () => Promise<void>;
}

/** Lays the lab; `change` replaces what a test wants otherwise. */
export function layHttpLab(
  change: (deps: HttpDeps) => Partial<HttpDeps> = () => ({}),
  options: HttpLabOptions = {},
): HttpLab {
  const clock = options.clock ?? realClock;
  const store = createMemoryStore(clock);
  const log = createQuietLog();
  const listed = options.boards ?? LAB_BOARDS;
  const boards = {
    list: () => listed,
    byName: (name: string) => listed.find((board) => board.name === name),
    findDtb: () => undefined,
    openDtb: () => Promise.resolve(undefined),
  };
  const drivers = {
    list: () => DRIVERS,
    byName: (name: string) => DRIVERS.find((driver) => driver.name === name),
    fileOf: (name: string) => (name === 'pdu-script' ? '/etc/farrier/power-drivers/pdu-script' : undefined),
    problems: () => [{ file: '/etc/farrier/power-drivers/broken', because: 'exit code 3' }],
  };
  const vault = { seal: (plain: string) => sha256Of(plain), open: () => '' };
  const networks = (): readonly (typeof rack1)[] => [rack1];
  const leases = (): readonly never[] => [];
  let counter = 0;
  const artefacts = pretendArtefacts([agent, debian]);
  const inTime = (): Promise<void> =>
    new Promise((resolve) => {
      clock.after(options.powerTakesMs ?? 0, resolve);
    });
  const power = pretendPower(store, clock, options.powerSwitched ?? inTime);
  const reader = createBundleReader(artefacts);
  const board = createPretendLine();
  const rng = {
    octets: (count: number) =>
      createHash('sha256')
        .update(String((counter += 1)))
        .digest()
        .subarray(0, count),
  };
  const consoles = pretendConsoles({ store, clock, log, rng, board });
  const bundles = createBundleService({ store, reader, clock });
  const tries = createBundleTries({ store, power, planNext: () => Promise.resolve(undefined), clock, log }, []);
  const fetchUrl: FetchUrl = ({ url }) => {
    throw new FetchError('unreachable', `${url} is not reached from this lab`);
  };
  const deps: HttpDeps = {
    store,
    machines: createMachineService({
      ...{ store, boards, drivers, vault, artefacts, networks, leases, clock },
      readTree: readFdt,
    }),
    power,
    consoles,
    flips: {
      begin: () => Promise.resolve({ is: 'refused', because: 'no outlets here' }),
      now: () => undefined,
      abort: () => undefined,
    },
    bundles,
    importBundle: createImportBundle({ bundles, reader, artefacts, store, fetchUrl }),
    channels: createChannelService({ store, clock }),
    tries,
    kernelReport: createKernelReport({ store }),
    explain: createExplain({
      store,
      boards,
      bundles: store.bundles,
      trialOf: (machine, boot) => tries.trialOf(machine, boot),
      artefacts: store.artefacts,
      parameters: store.parameters,
      clock,
      recognise: () => undefined,
      siteArgs: ['loglevel=4'],
      httpPort: 5240,
      derived: noDerived,
      writeBootargs,
      files: pretendArtefacts([agent, debian]),
      render: openRender([`${root}templates`]),
      digest: sha256Of,
      text: textOfRendered,
      networks,
      leases,
      dhcpAnswer: explainAnswer,
    }),
    boardDtbs: createBoardDtbService({
      boards,
      shelf: { hold: () => undefined },
      store,
      artefacts: createMemoryArtefacts(),
      readTree: readFdt,
      fetchUrl: () => {
        throw new FetchError('unreachable', 'no web in this test');
      },
      clock,
      log,
    }),
    boardDrafts: createBoardDrafts({
      store,
      boards,
      site: { write: (name) => Promise.resolve(ok(`/site/${name}/board.yaml`)) },
      reread: () => undefined,
      clock,
    }),
    enlist: pretendEnlist,
    bmcUsers: {
      found: () => Promise.resolve({ is: 'forbidden', because: 'no boot under way has this token' }),
      done: () => Promise.resolve({ is: 'forbidden', because: 'no boot under way has this token' }),
    },
    parameters: createParameterService({ store, boards, networks, clock }),
    verdicts: { of: (boot) => boot.verdict },
    users: pretendUsers(),
    boards,
    lintBoards: () => Promise.resolve([]),
    drivers,
    driverTests: {
      run: ({ driver, machine, switches }) =>
        Promise.resolve(
          driver === 'ipmi'
            ? { is: 'done', on: machine ?? 'no device', results: [oneResult(switches ? 'fail' : 'pass')] }
            : { is: 'unknown-driver', because: `there is no power driver "${driver}"` },
        ),
    },
    artefacts,
    networks: [rack1],
    notReady: () => Promise.resolve(undefined),
    clock,
    rng,
    log,
    assetsFolder: `${root}server/web/assets`,
    templatesFolder: `${root}templates/html`,
    version: '0.0.0-test',
    routers: [],
  };
  const all = { ...deps, ...change(deps) };
  const app = createHttpApp(all);
  const servers = new Set<Server>();
  const lab: HttpLab = {
    deps: all,
    store,
    app,
    log,
    board,
    listen: async (trust, port = 0) => {
      const server = createServer(app.handlerFor(trust));
      server.on('upgrade', app.upgradeFor(trust));
      servers.add(server);
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      const address = server.address();
      return `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : 0)}`;
    },
    close: async () => {
      laid.delete(lab);
      await tries.stop();
      app.close();
      await consoles.stop();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  laid.add(lab);
  return lab;
}

/** The headers of a browser of ours with this session. */
export function as(role: keyof typeof COOKIES): Record<string, string> {
  return { Cookie: `farrier_session=${COOKIES[role]}` };
}
