import { emptyStory, tellStory, type BootStory } from '../../server/core/boot-story.ts';
import { BOOT_DEADLINES, type FileFault, type Verdict } from '../../server/core/boot-verdict.ts';
import type { EventKind, FarrierEvent, Severity } from '../../server/core/event.ts';
import { judge } from '../../server/core/verdict.ts';

type Detail = FarrierEvent['detail'];

/** An event in shorthand: when (seconds since the start), its kind, its detail. */
export interface Told {
  readonly s: number;
  readonly kind: EventKind;
  readonly detail: Detail;
  readonly severity?: Severity;
  readonly text?: string;
}

const told = (s: number, kind: EventKind, detail: Detail, severity: Severity = 'note', text = 'words'): Told => ({
  ...{ s, kind, detail, severity, text },
});

const KERNEL = 'boot/aaaaaaaaaaaaaaaa/linux';
const INITRD = 'boot/bbbbbbbbbbbbbbbb/initrd.gz';
const DTB = 'boot/cccccccccccccccc/board.dtb';
const CONFIG = 'pxelinux.cfg/01-52-54-00-12-34-56';

/** What happens in a boot, in shorthand. */
export const say = {
  console: (s: number, stops: string | undefined): Told =>
    told(s, 'console', { pattern: 'panic', ...(stops === undefined ? {} : { stops, remedy: 'look' }) }, 'bad'),
  kernelSpeaks: (s: number) => told(s, 'console', { pattern: 'kernel', version: '6.1.0' }),
  ordered: (s: number, verb = 'on', was = 'off') => told(s, 'power', { verb, was, step: 'started', driver: 'ipmi' }),
  toldOn: (s: number) => told(s, 'power', { verb: 'cycle', step: 'on-ordered', driver: 'ipmi' }),
  seenOn: (s: number) => told(s, 'power', { verb: 'on', state: 'on', durationMs: 900 }, 'good'),
  seenOff: (s: number) => told(s, 'power', { state: 'off' }),
  powerFailed: (s: number) =>
    told(
      s,
      'power',
      { verb: 'on', code: 'unreachable', state: 'unknown' },
      'bad',
      'power on by alice failed: no answer',
    ),
  powerRefused: (s: number) =>
    told(
      s,
      'power',
      { verb: 'off', code: 'refused', driver: 'ipmi' },
      'bad',
      'power off by alice refused: it is shared',
    ),
  flipped: (s: number) => told(s, 'power', { verb: 'flip-test', code: 'swapped' }, 'bad', 'its outlet is swapped'),
  dhcp: (s: number, received: string, sent: string) => told(s, 'dhcp', { received, sent, by: 'firmware' }),
  address: (s: number) => told(s, 'dhcp', { received: 'REQUEST', sent: 'ACK', by: 'firmware' }),
  system: (s: number) => told(s, 'dhcp', { received: 'DISCOVER', sent: 'OFFER', by: 'system' }),
  plan: (s: number, more: Detail = {}) =>
    told(s, 'boot', {
      ...{ plan: 'boot', because: 'state ready', bundle: 'agent@1', format: 'extlinux', callsHome: true },
      ...{ kernel: KERNEL, initrd: INITRD, dtb: DTB, ...more },
    }),
  refused: (s: number, because: string) =>
    told(s, 'boot', { plan: 'refuse', because, remedy: 'do that' }, 'bad', `refused: ${because}`),
  disk: (s: number) => told(s, 'boot', { plan: 'local-disk', because: 'state ready, and no bundle is assigned' }),
  file: (s: number, path: string, more: Detail = {}) =>
    told(s, 'tftp', { path, octets: 30_000_000, durationMs: 900, retransmits: 0, outcome: 'done', ...more }),
  loader: (s: number) => say.file(s, 'shimx64.efi'),
  config: (s: number) => say.file(s, CONFIG, { octets: 400 }),
  kernel: (s: number, more: Detail = {}) => say.file(s, `/${KERNEL}`, more),
  initrd: (s: number, more: Detail = {}) => say.file(s, INITRD, more),
  dtb: (s: number, more: Detail = {}) => say.file(s, DTB, more),
  again: (s: number, sinceMs: number, wentOn = false) => told(s, 'boot', { signal: 'again', sinceMs, wentOn }),
  signal: (s: number, signal: string) => told(s, 'boot', { signal }, signal === 'booted' ? 'good' : 'note'),
  step: (s: number, step = 'address on eth0') => told(s, 'agent', { step }),
  facts: (s: number) => told(s, 'agent', { sections: 12 }, 'good'),
} as const;

/** All files of a boot, the last at `s`. */
export const allFiles = (s: number): readonly Told[] => [
  ...[say.dhcp(1, 'DISCOVER', 'OFFER'), say.address(2), say.plan(2), say.config(3)],
  ...[say.kernel(s - 2), say.initrd(s - 1), say.dtb(s)],
];

/** The story that these tell. */
export function storyOf(lines: readonly Told[]): BootStory {
  return lines.reduce(
    (story, { s, kind, detail, severity = 'note', text = '' }, at) =>
      tellStory(story, {
        ...{ id: at + 1, atMs: s * 1000, kind, severity, text, detail },
        ...{ machine: undefined, boot: 'b1' },
      }),
    emptyStory(0),
  );
}

/** The verdict over these, so many seconds after the start. */
export function verdictAt(
  atS: number,
  lines: readonly Told[],
  more: { readonly isSending?: boolean; readonly faults?: readonly FileFault[] } = {},
): Verdict {
  const { isSending = false, faults = [] } = more;
  return judge({ story: storyOf(lines), nowMs: atS * 1000, deadlines: BOOT_DEADLINES, isSending, faults });
}
