import { DTB_OCTETS_MAX } from '../core/dtb-version.ts';
import { parseSha256, type Sha256 } from '../core/address.ts';
import { compareCmdline } from '../core/compare-cmdline.ts';
import type { BootRecord, NewEvent } from '../core/event.ts';
import { octetsOfBase64, sectionOf, type RawFacts } from '../core/raw-facts.ts';
import type { Result } from '../core/result.ts';
import type { Content } from '../ports/artefacts.ts';
import type { Clock } from '../ports/clock.ts';

const SEEN_LETTERS_MAX = 700_000;
/** Differences named in one line. */
const NAMED_MAX = 4;

/** Tells how what a kernel saw differs from what its boot was served. */
export type ServedSeen = (boot: BootRecord, raw: RawFacts) => Promise<readonly NewEvent[]>;

/** `compareTrees` gives the differences of two device trees in words, served first. */
export function createServedSeen(deps: {
  readonly openDtb: (sha256: Sha256) => Promise<Content | undefined>;
  readonly compareTrees: (served: Uint8Array, seen: Uint8Array) => Result<readonly string[]>;
  readonly clock: Clock;
}): ServedSeen {
  return async (boot, raw) => {
    const { served } = boot;
    if (!served) return [];
    const cmdline = sectionOf(raw, 'cmdline').trim();
    const args = cmdline === '' ? undefined : argsSaid(served.args, cmdline);
    const tree = served.dtb && (await treeSaid(deps, served.dtb, raw));
    return [args, tree].flatMap((said) => (said ? [eventOf(deps.clock.now(), boot, said)] : []));
  };
}

interface Said {
  readonly seen: 'arguments' | 'device tree';
  /** Nothing: what was served is what was seen. */
  readonly differs: string | undefined;
}

function eventOf(atMs: number, boot: BootRecord, { seen, differs }: Said): NewEvent {
  return {
    ...{ atMs, kind: 'boot', machine: boot.machine, boot: boot.id },
    severity: differs === undefined ? 'note' : 'warning',
    text: differs ?? `its kernel saw the ${seen} it was served`,
    detail: { seen, differs: differs !== undefined },
  };
}

const named = (words: readonly string[]): string =>
  words.slice(0, NAMED_MAX).join(' ') + (words.length > NAMED_MAX ? ` and ${words.length - NAMED_MAX} more` : '');

function argsSaid(served: string, cmdline: string): Said {
  const { missing, added } = compareCmdline(served, cmdline, 'linux');
  const parts = [
    ...(missing.length > 0 ? [`it did not see ${named(missing)}`] : []),
    ...(added.length > 0 ? [`it saw ${named(added)}, which nobody served`] : []),
  ];
  const differs =
    parts.length === 0 ? undefined : `its kernel saw other arguments than it was served: ${parts.join('; ')}`;
  return { seen: 'arguments', differs: differs && bounded(differs) };
}

async function treeSaid(
  deps: Parameters<typeof createServedSeen>[0],
  sha256: Sha256,
  raw: RawFacts,
): Promise<Said | undefined> {
  const seen = octetsOfBase64((raw['fdt.b64'] ?? '').slice(0, SEEN_LETTERS_MAX));
  const digest = parseSha256(sectionOf(raw, 'fdt-sha256').slice(0, 64));
  if (digest.ok && digest.value === sha256) return { seen: 'device tree', differs: undefined };
  // A section that was sent empty is a machine without a tree; one that was not sent says nothing.
  const looked = 'fdt-sha256' in raw || 'fdt-sha256.b64' in raw;
  if (seen.length === 0) return digest.ok || !looked ? undefined : noTree();
  const served = await octetsOf(deps, sha256);
  const differences = served && deps.compareTrees(served, seen);
  if (!differences?.ok) return undefined;
  if (differences.value.length === 0) return { seen: 'device tree', differs: undefined };
  const isOther = differences.value.length >= 10;
  const words = differences.value.slice(0, NAMED_MAX).join('; ');
  const head = isOther
    ? "another device tree than the one served reached Linux (the firmware's own?)"
    : 'its device tree differs from the one served';
  return { seen: 'device tree', differs: bounded(`${head}: ${words}`) };
}

function noTree(): Said {
  return { seen: 'device tree', differs: 'a device tree was served, and its kernel runs without one' };
}

async function octetsOf(
  deps: Pick<Parameters<typeof createServedSeen>[0], 'openDtb'>,
  sha256: Sha256,
): Promise<Uint8Array | undefined> {
  const content = await deps.openDtb(sha256);
  if (!content) return undefined;
  try {
    return await content.read(0, Math.min(content.octets, DTB_OCTETS_MAX));
  } finally {
    content.close();
  }
}

/** Words of a guest: one line, no control characters. */
function bounded(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 600);
}
