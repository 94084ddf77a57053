import { LAYERS, type BootStep, type Layer, type Verdict } from '../../core/boot-verdict.ts';
import { moment, type Moment } from './words.ts';

/** The one sentence over a boot, what to do about it, and how far it came, layer by layer. */
export interface VerdictView {
  readonly text: string;
  readonly tone: 'good' | 'bad' | 'moving' | 'quiet';
  readonly badge: string;
  /** The last step that was seen to be done, where the boot did not end well. */
  readonly lastGood: string | undefined;
  readonly remedy: string | undefined;
  readonly others: readonly string[];
  readonly confidence: string | undefined;
  readonly due: Moment | undefined;
  readonly layers: readonly LayerView[];
}

/** One layer of the strip: passed, where it stopped or stands, or not reached. */
interface LayerView {
  readonly name: string;
  readonly is: 'passed' | 'stopped' | 'now' | 'ahead';
  readonly words: string;
}

const NAMES: Readonly<Record<Layer, string>> = {
  power: 'Power',
  network: 'Network',
  firmware: 'Firmware',
  loader: 'Loader',
  kernel: 'Kernel',
  initrd: 'Initrd',
  image: 'System',
};

/** How many layers are behind a boot whose last good step is this. */
const PASSED: Readonly<Record<BootStep, number>> = {
  ordered: 0,
  on: 1,
  heard: 1,
  addressed: 2,
  loader: 3,
  config: 3,
  kernel: 4,
  started: 5,
  called: 6,
  booted: 7,
};

const CONFIDENCE: Readonly<Record<Verdict['confidence'], string | undefined>> = {
  sure: undefined,
  likely: 'likely',
  guess: 'a first guess',
};

/** The steps as they stand behind `Last good step:`. */
const STEPS: Readonly<Record<BootStep, string>> = {
  ordered: 'its power was ordered on',
  on: 'it was seen on',
  heard: 'its first DHCP message came',
  addressed: 'it took its address',
  loader: 'it fetched its loader',
  config: 'it fetched its config',
  kernel: 'it fetched its kernel',
  started: 'its system started',
  called: 'its system called Farrier',
  booted: 'its system said that it runs',
};

const WORDS: Readonly<Record<LayerView['is'], string>> = {
  passed: 'passed',
  stopped: 'stopped here',
  now: 'here now',
  ahead: 'not reached',
};

/** A boot nobody has judged yet has only just begun. */
export function verdictView(verdict: Verdict | undefined): VerdictView {
  if (!verdict)
    return {
      ...{ text: 'It has just begun', tone: 'moving', badge: 'under way', lastGood: undefined },
      ...{ remedy: undefined, others: [], confidence: undefined, due: undefined },
      layers: layersOf(0, 'now'),
    };
  const { state, layer, cause, remedy, others, lastGood, dueMs } = verdict;
  const isBad = state === 'failed' || state === 'silent';
  const passed = isBad && layer !== undefined ? LAYERS.indexOf(layer) : lastGood === undefined ? 0 : PASSED[lastGood];
  return {
    text: sentence(cause),
    tone: toneOf(verdict),
    badge: isBad && layer !== undefined ? `stopped: ${NAMES[layer].toLowerCase()}` : state,
    lastGood: state === 'ended well' || lastGood === undefined ? undefined : STEPS[lastGood],
    ...{ remedy, others, confidence: isBad ? CONFIDENCE[verdict.confidence] : undefined },
    due: state === 'under way' && dueMs !== undefined ? moment(dueMs) : undefined,
    layers: layersOf(passed, isBad ? 'stopped' : state === 'under way' ? 'now' : 'ahead'),
  };
}

/** A cause begins as a sentence does, unless it begins with a name: `mustang-03: …`, `u-boot's …`. */
function sentence(cause: string): string {
  return /^[a-z]+[ ,]/.test(cause) ? cause.charAt(0).toUpperCase() + cause.slice(1) : cause;
}

function toneOf({ state, rule }: Verdict): VerdictView['tone'] {
  switch (state) {
    case 'failed':
    case 'silent':
      return 'bad';
    case 'under way':
      return 'moving';
    case 'ended well':
      return rule === 'booted' || rule === 'facts' ? 'good' : 'quiet';
  }
}

function layersOf(passed: number, here: LayerView['is']): readonly LayerView[] {
  return LAYERS.map((layer, at) => {
    const is = at < passed ? 'passed' : at === passed ? here : 'ahead';
    return { name: NAMES[layer], is, words: WORDS[is] };
  });
}
