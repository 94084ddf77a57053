import { LIFECYCLE, STATES, next, lawfulEvents, type State } from '../../core/lifecycle.ts';
import { toneOf, type Tone } from './rack.ts';

const BOX = { width: 132, height: 40 };
const STEP = { x: 176, y: 116 };
const MARGIN = { x: 84, y: 44 };
/** Ways between distant boxes of the lowest row bend below it. */
const DEEPEST_BEND = 62;

/** Column and row of each state: the way of a machine runs left to right in the middle. */
const PLACES: Readonly<Record<State, readonly [number, number]>> = {
  new: [0, 1],
  commissioning: [1, 0],
  testing: [2, 0],
  ready: [2, 1],
  releasing: [3.5, 0],
  allocated: [3, 1],
  deploying: [4, 1],
  deployed: [5, 1],
  retired: [0, 2],
  broken: [1, 2],
  erasing: [2, 2],
  'entering-rescue': [3, 2],
  rescue: [4, 2],
  'leaving-rescue': [5, 2],
};

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A state as a box. */
interface PictureBox extends Point {
  readonly state: State;
  readonly tone: Tone;
  readonly rests: boolean;
  readonly left: number;
  readonly top: number;
}

/** A way from one state to another, with the events that lead there. */
interface PictureWay {
  readonly from: State;
  readonly to: State;
  readonly events: string;
  /** `falls` where work that failed, was aborted or came too late leads. */
  readonly isFall: boolean;
  readonly path: string;
}

/** The whole drawing, in SVG user units. */
export interface LifecyclePicture {
  readonly width: number;
  readonly height: number;
  readonly box: { readonly width: number; readonly height: number };
  readonly boxes: readonly PictureBox[];
  readonly ways: readonly PictureWay[];
}

function placeOf(state: State): Point {
  const [column, row] = PLACES[state];
  return { x: MARGIN.x + column * STEP.x, y: MARGIN.y + row * STEP.y };
}

/** Where the line from a box's middle towards a point leaves the box. */
function edgeOf(middle: Point, towards: Point): Point {
  const [dx, dy] = [towards.x - middle.x, towards.y - middle.y];
  const reach = Math.min(BOX.width / 2 / Math.max(1e-9, Math.abs(dx)), BOX.height / 2 / Math.max(1e-9, Math.abs(dy)));
  return { x: middle.x + dx * reach, y: middle.y + dy * reach };
}

const coordinate = (value: number): string => value.toFixed(1);

/** A bent line between two boxes; there and back again bend apart, and long ones bend around what lies between. */
function bend(from: Point, to: Point): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const lift = 12 + Math.max(0, length - STEP.x) * 0.2;
  const middle = { x: (from.x + to.x) / 2 + (dy / length) * lift, y: (from.y + to.y) / 2 - (dx / length) * lift };
  const [start, end] = [edgeOf(from, middle), edgeOf(to, middle)];
  const points = [start.x, start.y, middle.x, middle.y, end.x, end.y].map(coordinate);
  return `M${points[0] ?? ''} ${points[1] ?? ''} Q${points.slice(2).join(' ')}`;
}

function waysFrom(from: State): readonly PictureWay[] {
  const row = LIFECYCLE[from];
  const events = new Map<State, string[]>();
  for (const event of lawfulEvents(from)) {
    const to = next(from, event);
    if (!to.ok || to.value === from) continue;
    const isDirect = Object.keys(row.on).includes(event);
    if (isDirect) events.set(to.value, [...(events.get(to.value) ?? []), event]);
  }
  const way = (to: State, words: string, isFall: boolean): PictureWay => ({
    from,
    to,
    events: words,
    isFall,
    path: bend(placeOf(from), placeOf(to)),
  });
  const direct = [...events].map(([to, names]) => way(to, names.join(', '), false));
  return row.rest ? direct : [...direct, way(row.falls, 'fail, late or abort', true)];
}

/** The picture of THE lifecycle table: whatever the table says is what is drawn. */
export function lifecyclePicture(): LifecyclePicture {
  const boxes = STATES.map((state) => {
    const place = placeOf(state);
    const corner = { left: place.x - BOX.width / 2, top: place.y - BOX.height / 2 };
    return { state, tone: toneOf(state), rests: LIFECYCLE[state].rest, ...place, ...corner };
  });
  return {
    width: MARGIN.x * 2 + STEP.x * 5,
    height: MARGIN.y * 2 + STEP.y * 2 + DEEPEST_BEND,
    box: BOX,
    boxes,
    ways: STATES.flatMap(waysFrom),
  };
}
