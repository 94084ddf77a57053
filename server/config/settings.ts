import { z } from 'zod';
import { BOOT_DEADLINES } from '../core/boot-verdict.ts';
import { parseIpv4, parseRange, parseSubnet } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';

/** A text that one of core's parsers must accept; the parser's words become the problem's. */
function readable(parse: (text: string) => Result<unknown>): z.ZodString {
  return z.string().superRefine((text, context) => {
    const parsed = parse(text);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.error });
  });
}

/** An address and a port: `0.0.0.0:5240`. */
export function parseListen(text: string): Result<{ readonly address: string; readonly port: number }> {
  const [address = '', port = '', ...rest] = text.split(':');
  const good = rest.length === 0 && parseIpv4(address).ok && /^\d{1,5}$/.test(port);
  if (good && Number(port) >= 1 && Number(port) <= 65_535) return ok({ address, port: Number(port) });
  return err(`"${text}" is not an address and port; write it like 0.0.0.0:5240`);
}

function parsePrefix(text: string): Result<unknown> {
  const subnet = parseSubnet(text);
  if (!subnet.ok || (subnet.value.prefix >= 8 && subnet.value.prefix <= 30)) return subnet;
  return err(`"${text}" cannot hold a lab; use a prefix from /8 to /30`);
}

function parseLabel(text: string): Result<unknown> {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(text)) return ok(text);
  return err(`"${text}" cannot be a network's name; use up to 32 lower-case letters, digits and dashes`);
}

function parseInterface(text: string): Result<unknown> {
  if (/^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..') return ok(text);
  return err(`"${text}" cannot be an interface; \`ip link\` lists this host's`);
}

function parseArgWord(text: string): Result<unknown> {
  if (/^[\x21-\x7e]+$/.test(text)) return ok(text);
  return err(`${JSON.stringify(text)} is not one kernel-argument word; write one word an entry, without blanks`);
}

const address = readable(parseIpv4);
const folder = z.string().min(1);

/** What every network says, directly served or relayed. */
const anyNetwork = {
  name: readable(parseLabel),
  subnet: readable(parsePrefix),
  address: address.optional(),
  dhcp: z.enum(['full', 'proxy', 'off']).default('full'),
  authoritative: z.boolean().default(true),
  pools: z.array(readable(parseRange)).default([]),
  router: address.optional(),
  dns: z.array(address).max(8).default([]),
  leaseS: z.int().min(120).max(31_536_000).default(3600),
  unknown: z.enum(['ignore', 'enlist', 'local-disk']).default('enlist'),
};

const network = z.strictObject({
  ...anyNetwork,
  interface: readable(parseInterface),
  probe: z.enum(['arp', 'ping', 'none']).default('arp'),
});

const relayed = z.strictObject({
  ...anyNetwork,
  giaddr: address,
  // Nobody can ask by ARP for an address behind a router.
  probe: z.enum(['ping', 'none']).default('ping'),
});

function parseHost(text: string): Result<unknown> {
  if (/^[a-z0-9_:]([a-z0-9._:-]{0,251}[a-z0-9_:])?$/.test(text)) return ok(text);
  return err(`"${text}" is not a host; write a name or an address in lower case, without scheme and port`);
}

const fetch = z.strictObject({
  http: z.boolean().default(false),
  hosts: z.array(readable(parseHost)).max(64).default([]),
});

const http = z.strictObject({ listen: readable(parseListen).default('0.0.0.0:5240') });

const due = (seconds: number): z.ZodDefault<z.ZodInt> => z.int().min(5).max(86_400).default(seconds);

const bootDeadlines = z.strictObject({
  heardS: due(BOOT_DEADLINES.heardS),
  addressS: due(BOOT_DEADLINES.addressS),
  firstFileS: due(BOOT_DEADLINES.firstFileS),
  nextFileS: due(BOOT_DEADLINES.nextFileS),
  callS: due(BOOT_DEADLINES.callS),
  bootedS: due(BOOT_DEADLINES.bootedS),
});
const consoles = z.strictObject({ keepMiB: z.int().min(1).max(4096).default(16) });

/** Asking the same BMC more often than every 5 s leaves it no time for orders. */
function parsePoll(seconds: number): boolean {
  return seconds === 0 || seconds >= 5;
}

const power = z.strictObject({
  pollS: z.int().min(0).max(86_400).refine(parsePoll, 'must be 0 (off) or at least 5').default(60),
});
const tftp = z.strictObject({ segmentation: z.enum(['auto', 'off']).default('auto') });

/** `farrier.yaml`, as it is written: texts and defaults, before anything is branded. */
export const settingsShape = z.strictObject({
  dataDir: folder.default('/var/lib/farrier'),
  keyFile: z.string().min(1).default('farrier.key'),
  http: http.prefault({}),
  tftp: tftp.prefault({}),
  consoles: consoles.prefault({}),
  networks: z.array(network).min(1),
  relayed: z.array(relayed).default([]),
  boards: z.array(folder).default([]),
  powerDrivers: z.array(folder).default([]),
  fetch: fetch.prefault({}),
  siteArgs: z.array(readable(parseArgWord)).default([]),
  bootDeadlines: bootDeadlines.prefault({}),
  power: power.prefault({}),
});

/** `farrier.yaml` as it was written, checked, with the defaults filled in. */
export type Settings = z.infer<typeof settingsShape>;
export type NetworkSettings = Settings['networks'][number];
export type RelayedSettings = Settings['relayed'][number];

const MAPS = new Map<string | number | undefined, z.ZodObject>([
  ['http', http],
  ['fetch', fetch],
  ['bootDeadlines', bootDeadlines],
  ['power', power],
  ['tftp', tftp],
  ['consoles', consoles],
  ['networks', network],
  ['relayed', relayed],
]);

/** The keys that may stand in the map at a path of the file. */
export function keysAt(path: readonly (string | number)[]): readonly string[] {
  return Object.keys((MAPS.get(path[0]) ?? settingsShape).shape);
}
