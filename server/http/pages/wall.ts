import { createHash } from 'node:crypto';
import { LIFECYCLE } from '../../core/lifecycle.ts';
import { overlaps, parseRackSlot, type RackSlot } from '../../core/rack-slot.ts';
import type { MachineView } from '../views.ts';
import { toneOf, UNDER_WAY, type Tone } from './rack.ts';
import type { VerdictView } from './boot-verdict.ts';

/** A light as a shape and a colour: whoever sees no colours sees the shape, whoever is far away the colour. */
export type Led = 'on' | 'off' | 'unknown' | 'moving' | 'failed';

/** A machine as a front plate. */
export interface PlateView {
  readonly id: string;
  readonly name: string;
  readonly led: Led;
  /** What the light says, in words. */
  readonly words: string;
  /** Its state, where that says more than that it waits for work. */
  readonly state: string | undefined;
  readonly tone: Tone;
  /** How far its boot came, while that is of interest. */
  readonly layers: VerdictView['layers'];
  readonly isInUse: boolean;
}

/** One cell of a row, over one half of the rack or both. Nothing in `plate`: a free place. */
interface CellView {
  readonly plate: PlateView | undefined;
  readonly units: number;
  readonly halves: 1 | 2;
}

/** A rack as rows, the highest unit first. */
export interface WallRack {
  /** For the page: safe as an id. */
  readonly id: string;
  readonly name: string;
  readonly rows: readonly { readonly unit: number; readonly cells: readonly CellView[] }[];
}

/** What hangs on the wall: racks by name, and whatever sits in none. */
export interface WallView {
  readonly racks: readonly WallRack[];
  readonly tray: readonly PlateView[];
  readonly counts: readonly { readonly led: Led; readonly count: number }[];
}

/** A machine and the verdict over its newest boot. */
export interface WallMachine {
  readonly view: MachineView;
  readonly boot: VerdictView | undefined;
}

interface Placed {
  readonly plate: PlateView;
  readonly slot: RackSlot;
}

/** A rack with one machine is drawn as a rack, not as a shelf. */
const UNITS_LEAST = 6;
const LEDS: readonly Led[] = ['on', 'moving', 'failed', 'unknown', 'off'];
const IN_USE: readonly string[] = ['allocated', 'deployed', 'rescue'];

function ledOf({ view, boot }: WallMachine): Led {
  const power = view.powerSeen?.state ?? 'unknown';
  const boots = power === 'off' ? undefined : boot?.tone;
  if (view.underWay !== undefined || !LIFECYCLE[view.state].rest || boots === 'moving') return 'moving';
  if (view.failed !== undefined || view.state === 'broken' || boots === 'bad') return 'failed';
  return power;
}

function wordsOf({ view, boot }: WallMachine, led: Led): string {
  const { powerSeen, underWay } = view;
  switch (led) {
    case 'moving':
      return underWay ? UNDER_WAY[underWay] : boot?.tone === 'moving' ? `boot: ${hereOf(boot)}` : view.state;
    case 'failed':
      return view.failed ?? (boot?.tone === 'bad' ? boot.badge : view.state);
    case 'unknown':
      return powerSeen?.because ?? (view.power ? 'not seen yet' : 'no power driver');
    case 'on':
    case 'off':
      return led;
  }
}

const hereOf = (boot: VerdictView): string =>
  boot.layers.find((layer) => layer.is === 'now')?.name.toLowerCase() ?? 'done';

function plateOf(machine: WallMachine): PlateView {
  const { view, boot } = machine;
  const led = ledOf(machine);
  const isOfInterest = led === 'moving' || (led === 'failed' && boot?.tone === 'bad');
  return {
    id: view.id,
    name: view.name,
    led,
    words: wordsOf(machine, led),
    state: view.state === 'ready' ? undefined : view.state,
    tone: toneOf(view.state),
    layers: isOfInterest ? (boot?.layers ?? []) : [],
    isInUse: IN_USE.includes(view.state),
  };
}

/** Lays machines into their racks. Whoever has no slot, or one that another machine sits in, goes to the tray. */
export function wallOf(machines: readonly WallMachine[]): WallView {
  const racks = new Map<string, Placed[]>();
  const tray: PlateView[] = [];
  for (const machine of machines) {
    const plate = plateOf(machine);
    const { rack = '', slot = '' } = machine.view;
    const parsed = parseRackSlot(slot);
    const there = racks.get(rack) ?? [];
    if (rack === '' || !parsed.ok || there.some((each) => overlaps(each.slot, parsed.value))) tray.push(plate);
    else racks.set(rack, [...there, { plate, slot: parsed.value }]);
  }
  const plates = [...racks.values()].flat().map((each) => each.plate);
  const leds = [...plates, ...tray].map((plate) => plate.led);
  return {
    racks: [...racks].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(rackOf),
    tray,
    counts: LEDS.map((led) => ({ led, count: leds.filter((each) => each === led).length })),
  };
}

function rackOf([name, placed]: readonly [string, readonly Placed[]]): WallRack {
  const top = Math.max(UNITS_LEAST, ...placed.map(({ slot }) => slot.to));
  const units = Array.from({ length: top }, (_, at) => top - at);
  const id = `wall-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  return { id, name, rows: units.map((unit) => ({ unit, cells: cellsOf(placed, unit) })) };
}

/** What begins in a row: a plate stands in the row of its highest unit and reaches down over the others. */
function cellsOf(placed: readonly Placed[], unit: number): readonly CellView[] {
  const there = placed.filter(({ slot }) => slot.from <= unit && unit <= slot.to);
  const whole = there.find(({ slot }) => slot.side === 'whole');
  if (whole) return whole.slot.to === unit ? [cellOf(whole, 2)] : [];
  if (there.length === 0) return [{ plate: undefined, units: 1, halves: 2 }];
  return (['left', 'right'] as const).flatMap((side): readonly CellView[] => {
    const half = there.find(({ slot }) => slot.side === side);
    if (!half) return [{ plate: undefined, units: 1, halves: 1 }];
    return half.slot.to === unit ? [cellOf(half, 1)] : [];
  });
}

function cellOf({ plate, slot }: Placed, halves: 1 | 2): CellView {
  return { plate, units: slot.to - slot.from + 1, halves };
}
