import { z } from 'zod';
import { BOOT_SIGNALS } from '../services/take-signal.ts';
import { ARCHES } from '../core/arch.ts';
import { parseIpv4, parseMac, parseSha256 } from '../core/address.ts';
import { parseArch } from '../core/arch.ts';
import type { Result } from '../core/result.ts';
import { REST_STATES } from '../core/lifecycle.ts';
import { PARAMETER_TYPES } from '../core/parameter.ts';

/** A text that one of core's parsers must read; the problem carries the parser's own words. */
function parsed<T>(read: (text: string) => Result<T>, lengthMax: number, example: string): z.ZodType<T, string> {
  return z
    .string()
    .max(lengthMax)
    .meta({ examples: [example] })
    .transform((text, context) => {
      const value = read(text);
      if (value.ok) return value.value;
      context.addIssue({ code: 'custom', message: value.error });
      return z.NEVER;
    });
}

const line = (lengthMax: number): z.ZodString =>
  z
    .string()
    .max(lengthMax)
    // eslint-disable-next-line no-control-regex -- control octets are exactly what must not pass
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters');

const ipv4 = parsed(parseIpv4, 15, '10.77.0.12');
const mac = parsed(parseMac, 17, '52:54:00:12:34:56');
const sha256 = parsed(parseSha256, 64, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

/** The body of a log-in. */
export const credentials = z.strictObject({ name: line(64), password: z.string().min(1).max(1024) });

/** What an operator may change of a machine; an absent field stays, `null` clears. */
export const machineEdit = z
  .strictObject({
    name: line(63),
    board: line(63).nullable(),
    bundle: line(128).nullable(),
    extraArgs: z.array(line(1024)).max(128),
    dtb: sha256.nullable(),
    overlays: z.array(sha256).max(16),
    reserved: ipv4.nullable(),
    macs: z.array(mac).min(1).max(32),
  })
  .partial();

/** Why and where an administrator forces a machine. */
export const forceOrder = z.strictObject({ to: z.enum(REST_STATES), because: line(500).min(1) });

/** `?force=true` of a removal. */
export const forceQuery = z.strictObject({ force: z.enum(['true', 'false']).optional() });

/** How a machine is to be switched. Secrets go in and never come out; one that is not named stays as it is. */
export const powerChoice = z.strictObject({
  driver: line(63),
  parameters: z.record(line(64), z.union([line(4096), z.number(), z.boolean()])).default({}),
  secrets: z.record(line(64), z.string().max(4096)).default({}),
});

/** On what a driver is tried: a machine's own setting, fields of a device, or nothing. */
export const driverTestOrder = z.strictObject({
  machine: line(64).optional(),
  parameters: z.record(line(64), z.union([line(4096), z.number(), z.boolean()])).default({}),
  secrets: z.record(line(64), z.string().max(4096)).default({}),
  switches: z.boolean().default(false).describe('Whether the device may really be switched.'),
});

/** What a person saw of a machine's power. */
export const sayOrder = z.strictObject({ state: z.enum(['on', 'off', 'unknown']) });

/** The device of the next boot. */
export const bootdevOrder = z.strictObject({ device: z.enum(['pxe', 'disk', 'none']) });

/** For how many seconds a machine blinks; 0 ends it. */
export const identifyOrder = z.strictObject({ forS: z.int().min(0).max(255).default(60) });

const count = (max: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= max, `must be at most ${max}`);

/** What of a timeline. */
export const timelineQuery = z.strictObject({ boot: line(64).optional(), limit: count(5000).optional() });

/** Which events. */
export const eventsQuery = z.strictObject({
  after: count(Number.MAX_SAFE_INTEGER).optional(),
  machine: line(64).optional(),
  limit: count(5000).optional(),
});

/** For whom the page stream is: the list, or one machine by its id. */
export const rowsQuery = z.strictObject({ machine: line(64).optional() });

/** What would be asked, when no machine is named. */
export const explainQuery = z.strictObject({ mac, arch: count(65_535).optional() });

const stored = z.strictObject({ name: line(128).min(1), sha256 });

const bundleName = line(63);
const kernelArgs = z.array(line(1024)).max(128).default([]);
const needs = z.array(line(80)).max(64).default([]);

/** A bundle of artefacts that were stored before. */
export const bundleOrder = z.strictObject({
  name: bundleName,
  version: line(63),
  arch: parsed(parseArch, 16, ARCHES[1]),
  role: z.enum(['agent', 'system']),
  kernel: stored,
  initrd: stored.optional(),
  kernelArgs,
  loaders: z.array(stored).max(16).default([]),
  callsHome: z.boolean().default(false),
  needs,
  /** The text of the kernel's configuration, and the names of its modules, where they are known. */
  config: z
    .string()
    .max(512 * 1024)
    .optional(),
  modules: z.array(line(128)).max(20_000).optional(),
  source: line(500).default(''),
});

const fromPackages = z.strictObject({ packages: z.array(stored).min(1).max(8) });
const fromUrl = z.strictObject({ url: line(2000), sha256 });

/** A bundle that is still in its packages. */
export const importOrder = z.strictObject({
  name: bundleName,
  version: line(63).optional(),
  arch: parsed(parseArch, 16, ARCHES[1]).optional(),
  from: z.union([fromPackages, fromUrl]),
  initrd: stored.optional(),
  kernelArgs,
  callsHome: z.boolean().default(false),
  needs,
});

/** Which of a bundle's contents are asked for: the names in which the text stands. */
export const bundleQuery = z.strictObject({ find: line(64).optional() });

/** The channel a version is promoted to. */
export const promoteOrder = z.strictObject({ channel: line(32) });

/** What is tried, and how long its system has to call home. */
export const trialOrder = z.strictObject({
  bundle: line(128),
  withinS: z.int().min(10).max(86_400).default(600),
  mayCycle: z.boolean().default(true),
});

/** The name an artefact gets. */
export const artefactQuery = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/, 'letters, digits, dot, dash, plus and underline'),
});

/** A new account. */
export const newUser = z.strictObject({
  name: line(64).min(1),
  role: z.enum(['admin', 'operator', 'viewer']),
  password: z.string().min(1).max(1024),
});

/** A parameter's value; its declaration says what it must be. */
const parameterValue = z.union([z.string().max(8192), z.number(), z.boolean(), z.array(z.string().max(8192)).max(64)]);
const farAway = { scope: z.enum(['site', 'network', 'board']), subject: line(128).optional() };

/** A value for the site, a network or a board. */
export const parameterSetting = z.strictObject({ ...farAway, value: parameterValue });

/** Where a value is unset. */
export const farAwayQuery = z.strictObject(farAway);

/** A value for a machine, or for its next boot. */
export const nearSetting = z.strictObject({ value: parameterValue, once: z.boolean().default(false) });

/** `?once=true`: the value of the next boot. */
export const nearQuery = z.strictObject({ once: z.enum(['true', 'false']).optional() });

/** A parameter of the site's own. */
export const parameterWish = z.strictObject({
  type: z.enum(PARAMETER_TYPES),
  meaning: line(300).min(1),
  unit: line(40).optional(),
  choices: z.array(line(200).min(1)).max(64).default([]),
  min: z.int().optional(),
  max: z.int().optional(),
  word: line(64).optional(),
});

/** How a booted system wants its parameters. */
export const parametersQuery = z.strictObject({ as: z.enum(['json', 'shell']).optional() });

/** One step of an agent, in its own words. */
export const agentStep = z.strictObject({ step: z.string().min(1).max(1000) });

/** The raw facts of an agent: section name to text. */
export const agentFacts = z
  .record(z.string().max(64), z.string())
  .refine((sections) => Object.keys(sections).length <= 64, 'at most 64 sections');

/** What an agent sees of its machine's BMC, from the inside; sections as in the facts. */
export const agentBmc = z
  .record(z.string().max(64), z.string().max(90_000))
  .refine((sections) => Object.keys(sections).length <= 8, 'at most 8 sections');

/** What a booted system says of itself, with what its kernel saw: `cmdline`, `fdt` and `fdt-sha256`, as in the facts. */
export const agentSignal = z.strictObject({
  signal: z.enum(BOOT_SIGNALS),
  cmdline: z.string().max(8192).optional(),
  'cmdline.b64': z.string().max(16_384).optional(),
  'fdt-sha256': z.string().max(200).optional(),
  'fdt-sha256.b64': z.string().max(400).optional(),
  'fdt.b64': z.string().max(700_000).optional(),
});

/** `?next=` and nothing else, on the log-in page. */
export const loginQuery = z.strictObject({ next: z.string().max(500).optional() });

const dtbWords = { source: line(500).min(1).optional(), licence: line(500).min(1).optional() };
const dtbFile = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,95}\.dtb$/, 'a plain file name that ends in .dtb')
  .optional();

/** What an uploaded device tree is; what is left out comes from the board. */
export const dtbQuery = z.strictObject({ file: dtbFile, ...dtbWords });

/** A device tree that the daemon fetches itself. */
export const dtbFetch = z.strictObject({ url: line(2000).min(1), sha256, file: dtbFile, ...dtbWords });

/** Which version is served again; the one before the current when it is left out. */
export const dtbRollback = z.strictObject({ to: z.int().min(0).max(1_000_000).optional() });

/** A board begun from a machine. */
export const boardDraft = z.strictObject({ name: line(63).min(1), machine: line(80).min(1) });
