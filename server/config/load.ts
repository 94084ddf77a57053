import { readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { parseIpv4, parseRange, parseSubnet } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Config, ConfigProblem, ConfiguredNetwork } from './config.ts';
import { checkNetworks, type Finding, type PlacedNetwork } from './cross-checks.ts';
import { readDocument, type ConfigDocument } from './document.ts';
import { formatPath, problemAt, problemsOf } from './problems.ts';
import { parseListen, settingsShape, type NetworkSettings, type RelayedSettings, type Settings } from './settings.ts';

/** A value the schema has already accepted. */
function sure<T>(parsed: Result<T>): T {
  if (!parsed.ok) throw new Error(`the schema let through: ${parsed.error}`);
  return parsed.value;
}

function networkOf(settings: NetworkSettings | RelayedSettings): ConfiguredNetwork {
  const address = (text: string | undefined) => (text === undefined ? undefined : sure(parseIpv4(text)));
  return {
    name: settings.name,
    interface: 'interface' in settings ? settings.interface : undefined,
    giaddr: 'giaddr' in settings ? address(settings.giaddr) : undefined,
    subnet: sure(parseSubnet(settings.subnet)),
    address: address(settings.address),
    dhcp: settings.dhcp,
    authoritative: settings.authoritative,
    pools: settings.pools.map((text) => sure(parseRange(text))),
    router: address(settings.router),
    dns: settings.dns.map((text) => sure(parseIpv4(text))),
    leaseS: settings.leaseS,
    probe: settings.probe,
    unknown: settings.unknown,
  };
}

function configOf(file: string, settings: Settings): Config {
  const from = (path: string): string => resolve(dirname(file), path);
  const listen = sure(parseListen(settings.http.listen));
  return {
    file,
    dataDir: from(settings.dataDir),
    keyFile: from(settings.keyFile),
    http: { address: sure(parseIpv4(listen.address)), port: listen.port },
    networks: [...settings.networks, ...settings.relayed].map(networkOf),
    boards: settings.boards.map(from),
    powerDrivers: settings.powerDrivers.map(from),
    fetch: settings.fetch,
    tftp: settings.tftp,
    consoles: settings.consoles,
    siteArgs: settings.siteArgs,
    bootDeadlines: settings.bootDeadlines,
    power: settings.power,
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function checkPaths(config: Config): readonly Finding[] {
  const way = relative(config.dataDir, config.keyFile);
  const inside = way !== '..' && !way.startsWith(`..${sep}`);
  const key = inside
    ? [{ path: ['keyFile'], words: `a copy of "dataDir" must not hold the key; put it outside of ${config.dataDir}` }]
    : [];
  const folders = (name: 'boards' | 'powerDrivers'): readonly Finding[] =>
    config[name].flatMap((path, index) =>
      isFolder(path) ? [] : [{ path: [name, index], words: `there is no folder ${path}; make it or correct the path` }],
    );
  return [...key, ...folders('boards'), ...folders('powerDrivers')];
}

function placedNetworks(config: Config, settings: Settings): readonly PlacedNetwork[] {
  const direct = settings.networks.length;
  return config.networks.map((network, index) => ({
    network,
    path: index < direct ? ['networks', index] : ['relayed', index - direct],
  }));
}

/** A file that was read and kept to the schema. */
export interface LoadedSettings {
  readonly settings: Settings;
  readonly document: ConfigDocument;
  readonly config: Config;
}

/** Checks the text of a config file; `file` is absolute and only named, save that its folders are looked for. */
export function checkConfig(file: string, text: string): Result<LoadedSettings, readonly ConfigProblem[]> {
  const document = readDocument(text);
  if (document.faults.length > 0)
    return err(document.faults.map((fault) => problemAt(file, fault.place, '', `not valid YAML: ${fault.words}`)));
  const parsed = settingsShape.safeParse(document.value ?? {});
  if (!parsed.success) return err(parsed.error.issues.flatMap((issue) => problemsOf(file, document, issue)));
  const config = configOf(file, parsed.data);
  const findings = [...checkNetworks(placedNetworks(config, parsed.data)), ...checkPaths(config)];
  if (findings.length > 0)
    return err(findings.map(({ path, words }) => problemAt(file, document.placeOf(path), formatPath(path), words)));
  return ok({ settings: parsed.data, document, config });
}

function readText(path: string): Result<string> {
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return err(`cannot be read (${code}); \`farrier config init\` writes one to begin with`);
  }
}

/** Reads and checks a config file with its settings as written. */
export function loadSettings(file: string): Result<LoadedSettings, readonly ConfigProblem[]> {
  const path = resolve(file);
  const text = readText(path);
  return text.ok ? checkConfig(path, text.value) : err([problemAt(path, undefined, '', text.error)]);
}

/** Reads and checks a config file. The problems are all that were found, in the file's order where they have a place. */
export function loadConfig(file: string): Result<Config, readonly ConfigProblem[]> {
  const loaded = loadSettings(file);
  return loaded.ok ? ok(loaded.value.config) : loaded;
}
