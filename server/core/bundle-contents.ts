import type { Artefact } from './bundle.ts';
import type { KernelFormName } from './kernel-form.ts';
import { moduleName } from './module-name.ts';
import { err, ok, type Result } from './result.ts';

/** What an initrd holds, as far as a bundle's user asks: what can be run and what can be loaded. */
export interface InitrdContents {
  readonly entries: number;
  /** Names without folders, sorted. */
  readonly programs: readonly string[];
  /** Module names with underscores, sorted. */
  readonly modules: readonly string[];
}

/** What is in a bundle. What could not be known is absent; it is never guessed. */
export interface BundleContents {
  readonly kernelForm: KernelFormName;
  /** What `uname -r` will say. */
  readonly kernelRelease: string | undefined;
  /** The set flags of the kernel's configuration, without `CONFIG_`: `BLK_DEV_NBD=m`. */
  readonly config: readonly string[] | undefined;
  /** The modules the kernel's package brings, and those built into the kernel, each sorted. */
  readonly modules: readonly string[] | undefined;
  readonly builtIn: readonly string[] | undefined;
  readonly initrd: InitrdContents | undefined;
  /** Why the initrd, when there is one, could not be read. */
  readonly initrdUnread: string | undefined;
  /** What it must hold to be of use, as it was declared. */
  readonly needs: readonly string[];
  /** The packages it came from, kept whole: modules and headers are in them. */
  readonly packages: readonly Artefact[];
}

/** The flags of a kernel configuration that are set. */
export function parseKernelConfig(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^CONFIG_([A-Za-z0-9_]+=.{1,200})$/.exec(line.trimEnd())?.[1] ?? []);
}

/** One declared need: a program or module of the initrd, a module anywhere, a configuration flag, or any of them. */
export interface Need {
  readonly kind: 'any' | 'bin' | 'initrd' | 'module' | 'config';
  readonly name: string;
}

/** Reads `nbd`, `bin:kexec`, `initrd:virtio_net`, `module:nbd`, `config:NFS_ROOT` or `config:NFS_ROOT=y`. */
export function parseNeed(text: string): Result<Need> {
  const [, kind = 'any', name = ''] =
    /^(?:(bin|initrd|module|config):)?([A-Za-z0-9][A-Za-z0-9._+=-]{0,63})$/.exec(text) ?? [];
  if (name === '')
    return err(
      `"${text.slice(0, 80)}" is not a need; write nbd, bin:kexec, initrd:virtio_net, module:nbd or config:NFS_ROOT`,
    );
  switch (kind) {
    case 'bin':
    case 'initrd':
    case 'module':
    case 'config':
      return ok({ kind, name });
    default:
      return ok({ kind: 'any', name });
  }
}

/** Whether a bundle holds what is needed; where nothing is known of a part, that part does not hold it. */
export function holds(contents: BundleContents, need: Need): boolean {
  switch (need.kind) {
    case 'bin':
      return hasProgram(contents, need.name);
    case 'initrd':
      return hasEarlyModule(contents, need.name);
    case 'module':
      return hasModule(contents, need.name);
    case 'config':
      return hasFlag(contents, need.name);
    case 'any':
      return hasProgram(contents, need.name) || hasModule(contents, need.name) || hasFlag(contents, need.name);
  }
}

const hasProgram = ({ initrd }: BundleContents, name: string): boolean => initrd?.programs.includes(name) ?? false;

function hasEarlyModule({ initrd, builtIn }: BundleContents, name: string): boolean {
  const module = moduleName(name);
  return [initrd?.modules, builtIn].some((names) => names?.includes(module));
}

const hasModule = (contents: BundleContents, name: string): boolean =>
  hasEarlyModule(contents, name) || (contents.modules?.includes(moduleName(name)) ?? false);

function hasFlag({ config }: BundleContents, name: string): boolean {
  const [, flag = '', value] = /^(?:CONFIG_)?([^=]+)(?:=(.*))?$/.exec(name) ?? [];
  const wanted = value === undefined ? [`${flag}=y`, `${flag}=m`] : [`${flag}=${value}`];
  return config?.some((each) => wanted.includes(each)) ?? false;
}

/** Why a bundle lacks what it needs, by name and with the remedy; nothing when it holds all. */
export function whyLacking(contents: BundleContents): string | undefined {
  const lacking = contents.needs.filter((text) => {
    const need = parseNeed(text);
    return !need.ok || !holds(contents, need.value);
  });
  const [first] = lacking;
  if (first === undefined) return undefined;
  return `it needs ${lacking.join(', ')}, which ${lacking.length === 1 ? 'is' : 'are'} not in it; ${remedyOf(contents, first)}`;
}

function remedyOf(contents: BundleContents, text: string): string {
  const need = parseNeed(text);
  const kind = need.ok ? need.value.kind : 'any';
  if (contents.initrdUnread !== undefined && (kind === 'bin' || kind === 'initrd' || kind === 'any'))
    return `its initrd could not be read: ${contents.initrdUnread}`;
  switch (kind) {
    case 'bin':
      return 'build the initrd with that program in it';
    case 'initrd':
      return 'build the initrd with that module in it';
    case 'module':
      return contents.modules ? 'take a kernel that has that module' : 'import the package with the modules';
    case 'config':
      return contents.config
        ? 'take a kernel that was built with it'
        : "import the kernel's package, or a folder with its config file";
    case 'any':
      return 'take another kernel or initrd, or drop the need';
  }
}

/** The names in a bundle's contents in which `text` stands, at most `countMax` of each part. */
export function findInContents(
  contents: BundleContents,
  text: string,
  countMax: number,
): Readonly<Record<'config' | 'modules' | 'builtIn' | 'initrdModules' | 'programs', readonly string[]>> {
  const wanted = text.toLowerCase().replaceAll('-', '_');
  const among = (names: readonly string[] | undefined): readonly string[] =>
    (names ?? []).filter((name) => name.toLowerCase().replaceAll('-', '_').includes(wanted)).slice(0, countMax);
  return {
    config: among(contents.config),
    modules: among(contents.modules),
    builtIn: among(contents.builtIn),
    initrdModules: among(contents.initrd?.modules),
    programs: among(contents.initrd?.programs),
  };
}

/** How many names of each kind there are; kinds nothing is known of are absent. */
export function countsOf(contents: BundleContents): Readonly<Record<string, number>> {
  const { config, modules, builtIn, initrd } = contents;
  const kinds = { config, modules, builtIn, initrdModules: initrd?.modules, programs: initrd?.programs };
  return Object.fromEntries(Object.entries(kinds).flatMap(([kind, names]) => (names ? [[kind, names.length]] : [])));
}
