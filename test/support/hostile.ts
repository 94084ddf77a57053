import { ownNote, sampleSetting } from '../core/parameter-fixtures.ts';
import type { Board } from '../../server/core/board.ts';
import type { KernelAge } from '../../server/core/kernel-age.ts';
import type { Network } from '../../server/core/lease.ts';
import { ipv4 } from '../../server/core/address.ts';
import type { Verdict } from '../../server/core/boot-verdict.ts';
import type { MachineId } from '../../server/core/machine.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import type { Store } from '../../server/ports/store.ts';
import { rack1 } from '../services/boot-bench.ts';
import { ubootBoard } from '../core/boot-fixtures.ts';
import { DRIVERS, layHttpLab, type HttpLab } from './http-lab.ts';
import {
  digest,
  mac,
  sampleBundle,
  sampleContents,
  sampleEvent,
  sampleFacts,
  sampleLease,
  sampleMachine,
  sampleTry,
} from './samples.ts';

/** Texts that turn into something else wherever one escape is forgotten. */
export const HOSTILE = [
  '"><img src=x onerror="window.owned=1">',
  "'><svg/onload=window.owned=1>",
  '</script><script>window.owned=1</script>',
  'javascript:window.owned=1',
  '{{7*7}}{% raw %}${7*7}',
  '--><iframe srcdoc="<script>parent.owned=1</script>">',
  '</textarea></title></style><b onmouseover=window.owned=1>',
] as const;

/** A board, a network and a store with the hostile text in every field that can hold a text. */
export function hostileBoard(text: string): Board {
  return {
    ...ubootBoard,
    name: text,
    title: text,
    extends: text,
    dtbMissing: text,
    console: { device: text, baud: 1 },
    earlycon: text,
    compatible: [text],
    kernelArgs: [text],
    overlays: [text],
    sources: [text],
    dtbWish: {
      file: text,
      optional: false,
      source: text,
      licence: text,
      debian: { package: text, path: text },
    },
    signs: { ...ubootBoard.signs, vendorClass: [text], oui: [text], smbiosVendor: [text], dtCompatible: [text] },
    loadAddresses: { kernel: text, dtb: text },
    file: text,
    shadows: text,
  };
}

const HOSTILE_MACHINE = 'm-hostile' as MachineId;

/** What was served, what was thought of it and what its kernel saw, in a boot's record and on its lines. */
async function fillBoot(store: Store, text: string): Promise<void> {
  const files = { kernel: digest('a'), initrd: undefined, dtb: undefined };
  const names = { bundle: text, board: text, format: text, args: text };
  await store.boots.setPlan('b1', text, { purpose: 'bundle', ...names, ...files, callsHome: true });
  const verdict: Verdict = {
    ...{ state: 'failed', rule: text, lastGood: 'kernel', layer: 'kernel', cause: text, others: [text], remedy: text },
    ...{ evidence: [1], confidence: 'likely', dueMs: undefined },
  };
  const about = { machine: HOSTILE_MACHINE, boot: 'b1', kind: 'boot' } as const;
  await store.boots.decide('b1', verdict, [sampleEvent(text, { ...about, detail: { verdict: 'failed', rule: text } })]);
  await store.events.append([
    sampleEvent(text, { ...about, severity: 'warning', detail: { seen: 'arguments', differs: true } }),
    sampleEvent(text, { ...about, kind: 'http', detail: { path: text, outcome: 'absent' } }),
    sampleEvent(text, { ...about, kind: 'agent', detail: { step: text } }),
  ]);
}

/** A bundle with its contents and channel, and a device tree of a board. */
async function fillCatalogue(store: Store, text: string): Promise<void> {
  const names = [text];
  const file = { name: text, sha256: digest('b'), octets: 1 };
  const bundle = { version: text, source: text, kernelArgs: names, kernel: file, initrd: file, loaders: [file] };
  const contents = sampleContents({
    ...{ kernelRelease: text, config: names, modules: names, builtIn: names, needs: names, packages: [file] },
    ...{ initrd: { entries: 1, programs: names, modules: names }, initrdUnread: text },
  });
  await store.bundles.add(sampleBundle(text, bundle), [], contents);
  await store.bundles.move({ name: text, channel: text, version: text, atMs: 1, by: text }, undefined, []);
  const tree = { sha256: digest('c'), octets: 1, file: text, model: text, compatible: names };
  await store.boardDtbs.add({ ...tree, board: text, source: text, licence: text, atMs: 1, by: text }, () => []);
}

async function fill(store: Store, text: string): Promise<void> {
  const id = HOSTILE_MACHINE;
  const facts = {
    ...sampleFacts,
    cpuModel: text,
    vendor: text,
    product: text,
    serial: text,
    dtModel: text,
    kernel: text,
    disks: [{ name: text, octets: 1, model: text, serial: text, rotational: false }],
    nics: [{ name: text, mac: mac('52:54:00:00:00:01'), driver: text, speedMbit: 1, linkUp: true, addresses: [] }],
  };
  const hostile = {
    failed: text,
    systemUuid: text,
    recognised: { board: text, evidence: [text, text] },
    firmware: { clientArch: 7, vendorClass: text, userClass: text },
    facts,
    network: text,
    bundle: `${text}@${text}`,
    extraArgs: [text],
    powerSeen: { state: 'unknown', atMs: 1, because: text },
  } as const;
  const parameters = { host: text, port: text };
  await store.machines.add(
    sampleMachine(1, { ...hostile, id, name: text, state: 'new', power: { driver: 'ipmi', parameters } }),
    [sampleEvent(text, { machine: id, detail: { because: text } })],
  );
  await store.machines.add(sampleMachine(2, { ...hostile, name: `${text}2`, bundle: undefined }), [
    sampleEvent(text, { machine: sampleMachine(2).id, severity: 'bad' }),
  ]);
  await store.boots.add({ id: 'b1', machine: id, startedMs: 1, tokenHash: undefined, plan: text });
  await store.events.append([
    sampleEvent(text, { machine: id, boot: 'b1', kind: 'tftp', detail: { path: text, sha256: text, octets: 3 } }),
    sampleEvent(text, { machine: id, boot: 'b1', kind: 'boot', severity: 'bad', detail: { because: text } }),
  ]);
  const declaration = { ...ownNote, name: 'lab.hostile', meaning: text, unit: text, choices: [text] };
  await store.parameters.declare(declaration, []);
  for (const scope of ['site', 'machine'] as const)
    await store.parameters.set(
      sampleSetting('lab.hostile', { scope, subject: scope === 'site' ? '' : id, value: text, by: text }),
      [],
    );
  await fillBoot(store, text);
  await fillCatalogue(store, text);
  await store.leases.commit([sampleLease(9, { hostname: text, network: text, address: ipv4(0x0a4d0009) })]);
}

/** Drivers of a folder in which somebody wrote what he liked, beside those that are known. */
function hostileDrivers(text: string): HttpLab['deps']['drivers'] {
  const field = { kind: 'text', label: text, help: text, unit: text, scope: 'machine', required: false } as const;
  const told = DRIVERS.slice(0, 1).map((driver): PowerDriver => ({
    ...driver,
    name: text,
    summary: text,
    fields: { field },
  }));
  const all = [...DRIVERS, ...told];
  return {
    list: () => all,
    byName: (name) => all.find((driver) => driver.name === name),
    fileOf: () => text,
    problems: () => [{ file: text, because: text }],
  };
}

/** A lab in which every text is hostile. */
export async function layHostileLab(text: string): Promise<HttpLab> {
  const network: Network = { ...rack1, name: text };
  const attempt = sampleTry({ machine: HOSTILE_MACHINE, bundle: text, back: text, by: text, boot: text });
  const older: KernelAge = {
    ...{ machine: text, board: text, running: text, arch: 'arm64', verdict: 'older' },
    newest: { bundle: text, release: text },
  };
  const lab = layHttpLab(
    ({ tries }) => ({
      networks: [network],
      notices: () => [{ tone: 'bad', text }],
      drivers: hostileDrivers(text),
      tries: { ...tries, list: () => [attempt], of: () => attempt },
      kernelReport: () => Promise.resolve([older]),
      verdicts: { of: (boot) => boot.verdict },
      lintBoards: () => Promise.resolve([{ file: text, line: 1, severity: 'error', words: text, remedy: text }]),
      explain: () =>
        Promise.resolve({
          is: 'done',
          explanation: {
            subject: text,
            network: text,
            board: { name: text, file: text, shadows: text },
            evidence: [text],
            dhcp: [text],
            plan: {
              do: 'refuse',
              because: text,
              remedy: text,
              args: {
                words: [{ word: text, origin: 'machine' }],
                text,
                limits: [{ layer: text, octets: 2, octetsMax: 1 }],
              },
            },
            findings: [{ severity: 'warning', text, remedy: text }],
            parameters: [],
            files: [{ path: text, octets: 1, sha256: text, text }],
          },
        }),
    }),
    { boards: [hostileBoard(text)] },
  );
  await fill(lab.store, text);
  return lab;
}

/** The pages a hostile lab is looked at through; some are named by the hostile text itself. */
export function hostilePages(text: string): readonly string[] {
  const name = encodeURIComponent(text);
  return [
    ...['/', '/machines/m-hostile', '/machines/m-hostile/boots/b1', '/boards', `/boards/${name}`],
    ...['/bundles', `/bundles/${encodeURIComponent(`${text}@${text}`)}`, '/leases', '/help'],
    ...['/drivers', '/rack', '/machines/m-hostile/console'],
  ];
}
