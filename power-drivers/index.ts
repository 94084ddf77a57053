import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { givenOnly } from '../server/core/field.ts';
import { err, ok, type Result } from '../server/core/result.ts';
import type { Log } from '../server/ports/log.ts';
import { PowerError, type PowerDriver, type PowerEdges } from '../server/ports/power-driver.ts';
import type { DriverCatalogue, DriverProblem } from '../server/ports/power-drivers.ts';
import { amt } from './amt.ts';
import { readDeclaration } from './declaration.ts';
import { createExecDriver, programHandle, runProgram } from './exec.ts';
import { definePowerDriver } from './define.ts';
import { dli } from './dli.ts';
import { createFenceDriver, type FenceAgent } from './fence.ts';
import { ipmi } from './ipmi.ts';
import { libvirt } from './libvirt.ts';
import { lxd } from './lxd.ts';
import { manual } from './manual.ts';
import { pdudaemon } from './pdudaemon.ts';
import { plug } from './plug.ts';
import { moonshot } from './moonshot.ts';
import { createQemuDriver } from './qemu.ts';
import { redfish } from './redfish.ts';
import { snmpOutlet } from './snmp-outlet.ts';
import { vouchForFile, vouchForFolder, type TrustedFile } from './trust.ts';
import { webhook, webhookBlind } from './webhook.ts';
import { wol } from './wol.ts';

/** How often the driver folders are looked at; a new file is a driver well within 5 s. */
const RESCAN_MS = 2000;
const DESCRIBE_MS = 3000;
/** Where Debian's packages put fence agents. */
const FENCE_AGENTS = '/usr/sbin';
/** What a site's module gets when its default export is a function: it cannot import from here by name. */
const KIT = { definePowerDriver, PowerError };

/** The port's drivers, with what the composition root needs besides. */
export interface SiteDrivers extends DriverCatalogue {
  /** Looks at the folders now. */
  rescan(): Promise<void>;
  close(): void;
}

interface Loaded {
  readonly stamp: string;
  readonly driver: Result<PowerDriver>;
}

/**
 * The drivers that come with Farrier and those in the site's folders, which shadow them by name. Modules and
 * programs must belong to root or to this process's user and be writable by nobody else, and so must their folder.
 */
export async function createPowerDrivers(
  folders: readonly string[],
  edges: PowerEdges & { readonly log: Log },
): Promise<SiteDrivers> {
  const shipped: readonly PowerDriver[] = [
    ipmi,
    amt,
    redfish,
    snmpOutlet,
    createExecDriver((program) => findProgram(folders, program)),
    manual,
    dli,
    plug,
    webhook,
    webhookBlind,
    pdudaemon,
    createFenceDriver(findAgent),
    wol,
    createQemuDriver(vouchForFolder),
    libvirt,
    lxd,
    moonshot,
  ];
  let files: ReadonlyMap<string, Loaded> = new Map();
  let drivers = merge(shipped, files);
  const rescan = async (): Promise<void> => {
    const found = await scan(folders, files, edges);
    tell(edges.log, files, found);
    files = found;
    drivers = merge(shipped, found);
  };
  let cancel = (): void => undefined;
  let isClosed = false;
  const again = (): void => {
    if (isClosed) return;
    cancel = edges.clock.after(RESCAN_MS, () => void rescan().finally(again));
  };
  await rescan();
  again();
  return {
    list: () => [...drivers.values()].map(({ driver }) => driver),
    byName: (name) => drivers.get(name)?.driver,
    fileOf: (name) => drivers.get(name)?.file,
    problems: () => [...files].flatMap(([file, { driver }]) => problemOf(file, driver, drivers)),
    rescan,
    close: () => {
      isClosed = true;
      cancel();
    },
  };
}

interface Known {
  readonly driver: PowerDriver;
  readonly file: string | undefined;
}

function merge(shipped: readonly PowerDriver[], files: ReadonlyMap<string, Loaded>): ReadonlyMap<string, Known> {
  const ours = shipped.map((driver) => ({ driver, file: undefined }));
  const site = [...files].flatMap(([file, { driver }]) => (driver.ok ? [{ driver: driver.value, file }] : []));
  // Of two files with one name the first by folder and file name counts, so that order does not depend on the disk.
  return new Map([...ours, ...site.reverse()].map((known) => [known.driver.name, known]));
}

function problemOf(
  file: string,
  driver: Result<PowerDriver>,
  drivers: ReadonlyMap<string, Known>,
): readonly DriverProblem[] {
  if (!driver.ok) return [{ file, because: driver.error }];
  const { name } = driver.value;
  const first = drivers.get(name)?.file;
  if (first === file || first === undefined) return [];
  return [{ file, because: `its name "${name}" is taken by ${first}; give one of them another` }];
}

async function scan(
  folders: readonly string[],
  before: ReadonlyMap<string, Loaded>,
  edges: PowerEdges,
): Promise<ReadonlyMap<string, Loaded>> {
  const found = new Map<string, Loaded>();
  for (const folder of folders) {
    const trusted = await vouchForFolder(folder);
    if (!trusted.ok) {
      found.set(folder, { stamp: trusted.error, driver: trusted });
      continue;
    }
    const names = (await readdir(trusted.value)).sort();
    const inside = names.map((name) => join(trusted.value, name));
    // Side by side: a program that hangs when asked to describe itself holds up nobody else's.
    const looked = await Promise.all(inside.map((file) => look(file, before.get(file), edges)));
    looked.forEach((loaded, at) => {
      if (loaded) found.set(inside[at] ?? '', loaded);
    });
  }
  return found;
}

/** Loads a file that is new or has changed; nothing for files that are no drivers at all, such as a README. */
async function look(file: string, before: Loaded | undefined, edges: PowerEdges): Promise<Loaded | undefined> {
  const vouched = await vouchForFile(file);
  if (!vouched.ok) return { stamp: vouched.error, driver: vouched };
  const { stamp, isDriver } = vouched.value;
  if (!isDriver) return undefined;
  if (before?.stamp === stamp) return before;
  return loadDriver(vouched.value, edges);
}

/** Never throws: a driver that does not load is a problem to show, not a reason to stop. */
async function loadDriver(file: TrustedFile, edges: PowerEdges): Promise<Loaded> {
  const { stamp } = file;
  try {
    return { stamp, driver: file.isProgram ? await loadProgram(file, edges) : await inTime(edges, loadModule(file)) };
  } catch (cause) {
    const driver = err(cause instanceof Error ? cause.message : String(cause));
    // Somebody is still writing it: its stamp may be the last already, and it is to be tried again all the same.
    const isBusy = cause instanceof PowerError && cause.code === 'busy';
    return { stamp: isBusy ? `${stamp} busy` : stamp, driver };
  }
}

/** A module that never ends loading must not hold up the others. */
function inTime<T>({ clock }: PowerEdges, loading: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(DESCRIBE_MS, () => {
      reject(new Error(`it was not loaded within ${DESCRIBE_MS} ms`));
    });
    loading.then(resolve, reject).finally(cancel);
  });
}

async function loadProgram(file: TrustedFile, edges: PowerEdges): Promise<Result<PowerDriver>> {
  const call = { path: file.path, verb: 'describe', fields: {}, timeoutMs: DESCRIBE_MS } as const;
  const declared = readDeclaration(await runProgram(call, edges, new AbortController().signal));
  if (!declared.ok) return declared;
  const { abilities, callTimeoutMs } = declared.value;
  const vouch = async (): Promise<Result<string>> => {
    const now = await vouchForFile(file.path);
    if (!now.ok) return now;
    return now.value.stamp === file.stamp ? ok(file.path) : err(`${file.path} has changed; it is being read again`);
  };
  return ok(
    definePowerDriver({
      ...declared.value,
      open: (fields, parts) => {
        const { set, query, ...rest } = programHandle({ vouch, callTimeoutMs }, givenOnly(fields), parts);
        return {
          set,
          query,
          ...(abilities.includes('reset') ? { reset: rest.reset } : {}),
          ...(abilities.includes('bootdev') ? { bootdev: rest.bootdev } : {}),
          ...(abilities.includes('identify') ? { identify: rest.identify } : {}),
          ...(abilities.includes('info') ? { info: rest.info } : {}),
        };
      },
    }),
  );
}

async function loadModule(file: TrustedFile): Promise<Result<PowerDriver>> {
  // A changed file is another module: Node keeps what it has once imported under the whole address.
  const imported: unknown = await import(`${pathToFileURL(file.path).href}?stamp=${file.stamp}`);
  const exported: unknown =
    typeof imported === 'object' && imported !== null && 'default' in imported ? imported.default : undefined;
  const value: unknown = isMaker(exported) ? exported(KIT) : exported;
  const declared = readDeclaration(value);
  if (!declared.ok) return declared;
  if (!opens(value)) return err('its default export has no "open"');
  return ok(definePowerDriver({ ...declared.value, open: (fields, parts) => value.open(givenOnly(fields), parts) }));
}

function isMaker(value: unknown): value is (kit: typeof KIT) => unknown {
  return typeof value === 'function';
}

function opens(value: unknown): value is Pick<PowerDriver, 'open'> {
  return typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function';
}

function tell(log: Log, before: ReadonlyMap<string, Loaded>, now: ReadonlyMap<string, Loaded>): void {
  for (const [file, { stamp, driver }] of now) {
    if (before.get(file)?.stamp === stamp) continue;
    if (driver.ok) log.info('power driver loaded', { file, driver: driver.value.name });
    else log.warn('power driver refused', { file, because: driver.error });
  }
  for (const file of before.keys()) if (!now.has(file)) log.info('power driver gone', { file });
}

/** A program for the `exec` driver: by its name in a driver folder, or by its whole path there. */
async function findProgram(folders: readonly string[], program: string): Promise<Result<string>> {
  for (const folder of folders) {
    const trusted = await vouchForFolder(folder);
    if (!trusted.ok) continue;
    const name = [trusted.value, folder].map((root) => `${root}/`).find((root) => program.startsWith(root));
    const inside = name === undefined ? program : program.slice(name.length);
    if (inside.includes('/')) continue;
    const file = await vouchForFile(join(trusted.value, inside));
    if (file.ok) return file.value.isProgram ? ok(file.value.path) : err(`${file.value.path} is not executable`);
    if (name !== undefined) return file;
  }
  return err(`no program "${program}" in the driver folders: ${folders.join(', ') || 'none are configured'}`);
}

/** A fence agent by its name, when nobody but root can have put it there. */
async function findAgent(agent: string): Promise<Result<FenceAgent>> {
  const folder = await vouchForFolder(FENCE_AGENTS);
  if (!folder.ok) return folder;
  const names = await readdir(folder.value);
  if (!names.includes(agent))
    return err(`this host has no fence agent "${agent}"; install Debian's package fence-agents`);
  const file = await vouchForFile(join(folder.value, agent));
  if (!file.ok) return file;
  return file.value.isProgram ? ok(file.value) : err(`${file.value.path} is not executable`);
}
