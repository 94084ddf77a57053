import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import nunjucks from 'nunjucks';
import { formatIpv4 } from '../core/address.ts';
import { argText, ipxeSettings } from '../core/arg-text.ts';
import { BOOT_FORMATS, type BootFormat } from '../core/board.ts';
import { chosenDtbPath } from '../core/boot-path.ts';
import type { BootPlan } from '../core/boot-plan.ts';
import { artefactPath, isServableName } from '../core/bundle.ts';
import { err, ok, type Result } from '../core/result.ts';
import { rpiFileLines } from '../core/rpi.ts';
import type { Render } from '../ports/render.ts';
import { buildScriptImage, parseScriptImage } from '../wire/uboot/legacy-image.ts';
import { sayable } from './sayable.ts';

type Boot = Extract<BootPlan, { readonly do: 'boot' }>;
type KernelFormat = Boot['kernelFormat'];

/** u-boot's command for a kind of kernel; a FIT and a uImage carry their own description. */
const BOOT_COMMAND: Readonly<Record<KernelFormat, string | undefined>> = {
  Image: 'booti',
  'Image.gz': 'booti',
  zImage: 'bootz',
  uImage: 'bootm',
  FIT: 'bootm',
  bzImage: undefined,
};

/** A load address as u-boot reads it: hexadecimal, with or without `0x`. */
const ADDRESS = /^(0x)?[0-9a-f]{1,16}$/i;

/**
 * Compiles one template per format, once, from the first of the folders that has it (a site's folder shadows the
 * shipped one), and gives the function that fills them. Templates are code and come from files only; what plans hold
 * goes in as finished values. Throws when a template is missing or does not parse.
 */
export function openRender(folders: readonly string[]): Render {
  const environment = new nunjucks.Environment(null, {
    autoescape: false,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  });
  const compiled = BOOT_FORMATS.map((format) => [format, templateOf(environment, folders, format)] as const);
  const templates = new Map<BootFormat, nunjucks.Template>(compiled);
  return (format, plan) => {
    const values = valuesOf(format, plan);
    if (!values.ok) return values;
    const text = templates.get(format)?.render(values.value);
    if (text === undefined) return err(`there is no template for ${format}`);
    if (format !== 'boot-script') return ok(new TextEncoder().encode(text));
    const arch = plan.do === 'boot' && plan.kernelFormat === 'Image' ? 'arm64' : 'armhf';
    // Its time stamp says nothing to u-boot; without one, what is explained and what is served are the same octets.
    return ok(buildScriptImage(text, { arch, name: 'Farrier', madeAtS: 0 }));
  };
}

/** What people read of what was rendered: the script out of a u-boot script image, else the text as it is. */
export function textOfRendered(octets: Uint8Array): string {
  const script = parseScriptImage(octets);
  return script.ok ? script.value : new TextDecoder().decode(octets);
}

function templateOf(
  environment: nunjucks.Environment,
  folders: readonly string[],
  format: BootFormat,
): nunjucks.Template {
  for (const folder of folders) {
    const path = join(folder, `${format}.njk`);
    const text = readIfThere(path);
    if (text !== undefined) return new nunjucks.Template(text, environment, path, true);
  }
  throw new Error(`no template ${format}.njk in ${folders.join(', ')}; reinstall Farrier or restore the file`);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function valuesOf(format: BootFormat, plan: BootPlan): Result<object> {
  switch (plan.do) {
    case 'ignore':
      return err(`nothing is served: ${plan.because}`);
    case 'local-disk':
      // Its firmware reads settings only: there is nothing to say in them but what to boot.
      if (format === 'rpi') return err(`nothing is served: ${plan.because}`);
      return ok(farewell(`Farrier: own disk, because ${plan.because}`));
    case 'refuse':
      if (format === 'rpi') return err(`nothing is served: ${plan.because}`);
      return ok(farewell(`Farrier refuses: ${plan.because}. Remedy: ${plan.remedy}`));
    case 'boot':
      return valuesOfBoot(format, plan);
  }
}

/** Lines of a menu label: u-boot before 2014.10 prints it through a stack buffer of as little as 256 octets. */
const LABEL_LINES_MAX = 2;

function farewell(text: string): object {
  const words = sayable(text);
  return { title: 'Farrier', words, label: words.slice(0, LABEL_LINES_MAX).join(' '), boot: false };
}

function valuesOfBoot(format: BootFormat, plan: Boot): Result<object> {
  const words = plan.argsIn === 'dtb' ? [] : plan.args.words.map((each) => each.word);
  const args = argText(format, words);
  if (!args.ok) return args;
  const artefacts = [plan.kernel, plan.initrd, plan.dtb].flatMap((each) => (each ? [each] : []));
  const unservable = artefacts.find((each) => !isServableName(each.name));
  if (unservable) return err(`${JSON.stringify(unservable.name.slice(0, 40))} cannot stand in a path`);
  const command = BOOT_COMMAND[plan.kernelFormat];
  if (format === 'boot-script' && command === undefined) return err(`u-boot starts no ${plan.kernelFormat}`);
  const addresses = addressesOf(plan.loadAddresses);
  if (!addresses.ok) return addresses;
  const { address, httpPort } = plan.server;
  const said = sayable(`Farrier: ${plan.purpose} ${plan.bundle} on board ${plan.board}`);
  const boot = {
    kernel: artefactPath(plan.kernel),
    kernelName: plan.kernel.name,
    initrd: plan.initrd ? artefactPath(plan.initrd) : false,
    initrdName: plan.initrd?.name ?? false,
    dtb: dtbPathOf(plan) ?? false,
    // An empty text in quotes would be arguments too: u-boot would write it over those of the DTB.
    args: plan.argsIn === 'dtb' ? '' : args.value,
    settings: ipxeSettings(args.value),
    command,
    fit: fitOf(plan),
    addresses: addresses.value,
    arm64: plan.kernelFormat === 'Image' ? 1 : 0,
    lines: [...rpiFileLines(plan), ...(plan.rpi?.config ?? [])],
  };
  return ok({ title: `Farrier for ${plan.mac}`, words: said, base: `http://${formatIpv4(address)}:${httpPort}`, boot });
}

function dtbPathOf(plan: Boot): string | undefined {
  if (!plan.dtb) return undefined;
  return plan.argsIn === 'dtb' ? chosenDtbPath(plan.mac) : artefactPath(plan.dtb);
}

/** What of a FIT must be named beside it: nothing where it brings its own DTB, or where somebody else has built it. */
function fitOf(plan: Boot): { readonly whole: boolean; readonly initrd: boolean } | false {
  if (plan.kernelFormat !== 'FIT') return false;
  return {
    whole: plan.packed === undefined || plan.packed.dtb !== undefined,
    initrd: plan.packed?.initrd !== undefined,
  };
}

/** Names of u-boot's environment with the address each falls back to. */
function addressesOf(load: Boot['loadAddresses']): Result<readonly (readonly [string, string])[]> {
  const named = [
    ['kernel_addr_r', load?.kernel],
    ['ramdisk_addr_r', load?.initrd],
    ['fdt_addr_r', load?.dtb],
    ['kernel_comp_addr_r', load?.unpack],
    ['kernel_comp_size', load?.unpackOctets],
  ] as const;
  const given = named.flatMap(([name, address]) => (address === undefined ? [] : [[name, address] as const]));
  const odd = given.find(([, address]) => !ADDRESS.test(address));
  return odd ? err(`the board's load address for ${odd[0]} is no hexadecimal number`) : ok(given);
}
