import { z } from 'zod';
import { parseMac, parseSha256, type Ipv4, type Mac, type Sha256 } from '../../core/address.ts';
import { ARCHES, LOADERS } from '../../core/arch.ts';
import {
  BOOT_STEPS,
  CONFIDENCES,
  LAYERS,
  VERDICT_STATES,
  type BootServed,
  type Verdict,
} from '../../core/boot-verdict.ts';
import type { Artefact } from '../../core/bundle.ts';
import type { BundleContents } from '../../core/bundle-contents.ts';
import { KERNEL_FORM_NAMES } from '../../core/kernel-form.ts';
import type { Facts } from '../../core/facts.ts';
import type { FirmwareSeen, PowerSeen, PowerSetting, Recognition } from '../../core/machine.ts';

/** JSON has no `undefined`: absent values are written as null and read back as absent. */
function orNone<T extends z.ZodType>(shape: T) {
  return shape.nullish().transform((value) => value ?? undefined);
}

const text = z.string();
const mac = z.custom<Mac>((value) => typeof value === 'string' && parseMac(value).ok);
const address = z.custom<Ipv4>((value) => Number.isInteger(value));
const sha256 = z.custom<Sha256>((value) => typeof value === 'string' && parseSha256(value).ok);

/** The parts of rows that are kept as JSON, one shape each. */
export const wordsShape: z.ZodType<readonly string[]> = z.array(text);
/** `machine.overlays`. */
export const digestsShape: z.ZodType<readonly Sha256[]> = z.array(sha256);
export const detailShape: z.ZodType<PowerSetting['parameters']> = z.record(
  text,
  z.union([text, z.number(), z.boolean()]),
);
export const recognitionShape: z.ZodType<Recognition> = z.object({ board: text, evidence: wordsShape });
export const artefactShape: z.ZodType<Artefact> = z.object({ name: text, sha256, octets: z.number() });

/** `bundle_contents.contents`. */
export const contentsShape: z.ZodType<BundleContents> = z.object({
  kernelForm: z.enum(KERNEL_FORM_NAMES),
  kernelRelease: orNone(text),
  config: orNone(wordsShape),
  modules: orNone(wordsShape),
  builtIn: orNone(wordsShape),
  initrd: orNone(z.object({ entries: z.number(), programs: wordsShape, modules: wordsShape })),
  initrdUnread: orNone(text),
  needs: wordsShape,
  packages: z.array(artefactShape),
});

/** `machines.firmware`. */
export const firmwareShape: z.ZodType<FirmwareSeen> = z.object({
  clientArch: orNone(z.number()),
  vendorClass: orNone(text),
  userClass: orNone(text),
  loader: orNone(z.enum(LOADERS)),
  loaderVersion: orNone(text),
});

/** `machines.power_seen`. */
export const powerSeenShape: z.ZodType<PowerSeen> = z.object({
  state: z.enum(['on', 'off', 'unknown']),
  atMs: z.number(),
  because: orNone(text),
});

/** `boot.served`. */
export const servedShape: z.ZodType<BootServed> = z.object({
  purpose: z.enum(['agent', 'bundle']),
  bundle: text,
  board: text,
  format: text,
  kernel: sha256,
  initrd: orNone(sha256),
  dtb: orNone(sha256),
  args: text,
  callsHome: z.boolean(),
});

/** `boot.verdict`. */
export const verdictShape: z.ZodType<Verdict> = z.object({
  state: z.enum(VERDICT_STATES),
  rule: text,
  lastGood: orNone(z.enum(BOOT_STEPS)),
  layer: orNone(z.enum(LAYERS)),
  cause: text,
  others: wordsShape,
  remedy: orNone(text),
  evidence: z.array(z.number()),
  confidence: z.enum(CONFIDENCES),
  dueMs: orNone(z.number()),
});

/** `machines.facts`. */
export const factsShape: z.ZodType<Facts> = z.object({
  arch: orNone(z.enum(ARCHES)),
  cpuModel: orNone(text),
  cpuCount: z.number(),
  memoryOctets: z.number(),
  disks: z.array(
    z.object({
      name: text,
      octets: z.number(),
      model: orNone(text),
      serial: orNone(text),
      rotational: z.boolean(),
    }),
  ),
  nics: z.array(
    z.object({
      name: text,
      mac,
      driver: orNone(text),
      speedMbit: orNone(z.number()),
      linkUp: z.boolean(),
      addresses: z.array(address),
    }),
  ),
  systemUuid: orNone(text),
  vendor: orNone(text),
  product: orNone(text),
  serial: orNone(text),
  dtModel: orNone(text),
  dtCompatible: wordsShape,
  kernel: orNone(text),
  cmdline: orNone(text),
  bmcAddress: orNone(address),
});

/**
 * JSON text of a part; null when there is none. What could not be read again (a NaN, for one) is refused here: it must
 * fail the one who writes, not everybody who reads afterwards.
 */
export function toJson<T>(shape: z.ZodType<T>, value: T | undefined): string | null {
  if (value === undefined) return null;
  const json = JSON.stringify(value, (_key, each: unknown) => each ?? null);
  shape.parse(JSON.parse(json));
  return json;
}

/** A part from its JSON text; nothing when the column is null. Throws when the row was changed by other hands. */
export function fromJson<T>(shape: z.ZodType<T>, json: string | null): T | undefined {
  return json === null ? undefined : shape.parse(JSON.parse(json));
}
