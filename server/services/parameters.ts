import { boardNameOf, type Machine } from '../core/machine.ts';
import type { NewEvent } from '../core/event.ts';
import type { Network } from '../core/lease.ts';
import {
  parseParameterName,
  parseParameterValue,
  shellName,
  valueText,
  type EffectiveParameter,
  type ParameterDeclaration,
  type ParameterPlace,
  type ParameterValue,
  type SetParameter,
} from '../core/parameter.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Boards } from '../ports/boards.ts';
import type { Clock } from '../ports/clock.ts';
import { StaleWrite, Taken, type Store } from '../ports/store.ts';
import { findMachine } from './machines.ts';
import { declaredParameters, lookUpParameters } from './parameter-lookup.ts';

/** A place as people name it: a machine by any of its names. */
export type ParameterTarget =
  | { readonly scope: 'site' }
  | { readonly scope: 'network' | 'board'; readonly subject: string }
  | { readonly scope: 'machine' | 'once'; readonly subject: string };

/** What an operator declares; the rest follows. */
export interface ParameterWish {
  readonly name: string;
  readonly type: ParameterDeclaration['type'];
  readonly meaning: string;
  readonly unit: string | undefined;
  readonly choices: readonly string[];
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The kernel argument of every boot that carries it; nothing when only the booted system asks for it. */
  readonly word: string | undefined;
}

/** How an order about a parameter ended. */
export type ParameterOutcome =
  | { readonly is: 'done' }
  | { readonly is: 'unknown-machine' | 'unknown-parameter' | 'taken'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

/** Parameters: declared, set, unset, looked up. */
export interface ParameterService {
  declarations(): Promise<readonly ParameterDeclaration[]>;
  /** All values that are set anywhere. */
  settings(): Promise<readonly SetParameter[]>;
  /** What counts for a machine's next boot. */
  ofMachine(machine: Machine): Promise<readonly EffectiveParameter[]>;
  /** What counts for a machine's boot that is under way, for the system it booted. */
  ofBoot(machine: Machine, boot: string): Promise<readonly EffectiveParameter[]>;
  declare(wish: ParameterWish, by: string): Promise<ParameterOutcome>;
  undeclare(name: string, by: string): Promise<ParameterOutcome>;
  set(target: ParameterTarget, name: string, value: ParameterValue, by: string): Promise<ParameterOutcome>;
  unset(target: ParameterTarget, name: string, by: string): Promise<ParameterOutcome>;
}

/** What the service stands on. */
export interface ParameterServiceDeps {
  readonly store: Pick<Store, 'machines' | 'parameters'>;
  readonly boards: Pick<Boards, 'byName'>;
  readonly networks: () => readonly Pick<Network, 'name'>[];
  readonly clock: Clock;
}

/** For how long a value for the next boot waits for that boot. */
export const ONCE_WAITS_MS = 86_400_000;
const DECLARATIONS_MAX = 200;

/** Builds the service. */
export function createParameterService(deps: ParameterServiceDeps): ParameterService {
  const sources = { parameters: deps.store.parameters, clock: deps.clock };
  const lookUp = (machine: Machine, boot: string | undefined): Promise<readonly EffectiveParameter[]> =>
    lookUpParameters(sources, { machine, board: boardNameOf(machine), network: machine.network, boot });
  return {
    declarations: () => declaredParameters(sources),
    settings: async () => {
      const nowMs = deps.clock.now();
      return (await deps.store.parameters.list()).filter((each) => (each.expiresMs ?? Infinity) > nowMs);
    },
    ofMachine: (machine) => lookUp(machine, undefined),
    ofBoot: (machine, boot) => lookUp(machine, boot),
    declare: (wish, by) => declare(deps, wish, by),
    undeclare: (name, by) => undeclare(deps, name, by),
    set: (target, name, value, by) => set(deps, target, name, value, by),
    unset: (target, name, by) => unset(deps, target, name, by),
  };
}

const badValue = (field: string, because: string): ParameterOutcome => ({ is: 'bad-value', field, because });

async function declare(deps: ParameterServiceDeps, wish: ParameterWish, by: string): Promise<ParameterOutcome> {
  const name = parseParameterName(wish.name);
  if (!name.ok) return badValue('name', name.error);
  const known = await declaredParameters({ ...deps.store, clock: deps.clock });
  const same = known.find((each) => shellName(each.name) === shellName(wish.name));
  if (same && (same.name !== wish.name || same.by === 'farrier'))
    return { is: 'taken', because: `${wish.name} would be the same as ${same.name}; choose another name` };
  if (!same && known.length >= DECLARATIONS_MAX)
    return { is: 'taken', because: `more than ${DECLARATIONS_MAX} parameters` };
  const fault = faultOfWish(wish);
  if (fault) return fault;
  const used = same && (await deps.store.parameters.list()).find((each) => each.name === wish.name);
  const { word, ...rest } = wish;
  const declaration: ParameterDeclaration = {
    ...rest,
    default: wish.type === 'flag' ? false : undefined,
    reach: word === undefined ? 'metadata' : 'kernel',
    word: { agent: word, bundle: word },
    by: 'site',
  };
  const misfit = used && parseParameterValue(declaration, used.value);
  if (misfit && !misfit.ok) return { is: 'taken', because: `${misfit.error}, which is set; unset it first` };
  await deps.store.parameters.declare(declaration, [
    eventOf(deps, undefined, `parameter ${wish.name} was declared by ${by}`, { parameter: wish.name, by }),
  ]);
  return { is: 'done' };
}

function faultOfWish({ type, choices, word, min, max }: ParameterWish): ParameterOutcome | undefined {
  if (type === 'choice' && choices.length === 0) return badValue('choices', 'a choice needs its choices');
  if (type !== 'choice' && type !== 'words' && choices.length > 0)
    return badValue('choices', `a ${type} has no choices; declare it as choice or words`);
  if (type !== 'number' && (min !== undefined || max !== undefined))
    return badValue('min', `only a number has a least and a greatest value, not a ${type}`);
  if (word !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(word))
    return badValue('word', 'a kernel argument is named by letters, digits, dots, dashes and underlines');
  if (word?.startsWith('farrier.')) return badValue('word', 'names that begin with farrier. belong to Farrier');
  return undefined;
}

async function undeclare(deps: ParameterServiceDeps, name: string, by: string): Promise<ParameterOutcome> {
  const known = (await deps.store.parameters.declarations()).some((each) => each.name === name);
  if (!known) return unknownParameter(name, 'is none of those that were declared here');
  try {
    const text = `parameter ${name} is declared no more, by ${by}`;
    await deps.store.parameters.undeclare(name, [eventOf(deps, undefined, text, { parameter: name, by })]);
  } catch (error) {
    if (error instanceof Taken) return { is: 'taken', because: error.message };
    throw error;
  }
  return { is: 'done' };
}

async function set(
  deps: ParameterServiceDeps,
  target: ParameterTarget,
  name: string,
  given: ParameterValue,
  by: string,
): Promise<ParameterOutcome> {
  const declaration = await declarationOf(deps, name);
  if (!declaration.ok) return declaration.error;
  const found = await placeOf(deps, target);
  if (!found.ok) return found.error;
  const { place, machine } = found.value;
  const value = parseParameterValue(declaration.value, given);
  if (!value.ok) return badValue('value', value.error);
  const setMs = deps.clock.now();
  const expiresMs = place.scope === 'once' ? setMs + ONCE_WAITS_MS : undefined;
  const shown = valueText(value.value).replaceAll('\n', ', ');
  const text = `parameter ${name} set to ${shown.length > 80 ? `${shown.slice(0, 79)}…` : shown}${whereWords(place)} by ${by}`;
  const detail = { parameter: name, scope: place.scope, subject: place.subject, by };
  try {
    await deps.store.parameters.set({ ...place, name, value: value.value, setMs, by, expiresMs }, [
      eventOf(deps, machine, text, detail),
    ]);
  } catch (error) {
    if (error instanceof StaleWrite) return { is: 'unknown-machine', because: error.message };
    throw error;
  }
  return { is: 'done' };
}

async function unset(
  deps: ParameterServiceDeps,
  target: ParameterTarget,
  name: string,
  by: string,
): Promise<ParameterOutcome> {
  const found = await placeOf(deps, target);
  if (!found.ok) return found.error;
  const { place, machine } = found.value;
  const text = `parameter ${name} unset${whereWords(place)} by ${by}`;
  const detail = { parameter: name, scope: place.scope, subject: place.subject, by };
  const was = await deps.store.parameters.unset(place, name, [eventOf(deps, machine, text, detail)]);
  return was
    ? { is: 'done' }
    : unknownParameter(name, `is not set${place.scope === 'machine' ? ' there' : whereWords(place)}`);
}

const unknownParameter = (name: string, words: string): ParameterOutcome & { is: 'unknown-parameter' } => ({
  is: 'unknown-parameter',
  because: `${name.slice(0, 80)} ${words}; "farrier parameter list" shows all`,
});

async function declarationOf(
  deps: ParameterServiceDeps,
  name: string,
): Promise<Result<ParameterDeclaration, ParameterOutcome & { is: 'unknown-parameter' }>> {
  const known = await declaredParameters({ ...deps.store, clock: deps.clock });
  const found = known.find((each) => each.name === name);
  return found ? ok(found) : err(unknownParameter(name, 'is no parameter'));
}

/** A place, and the machine it belongs to. */
interface Found {
  readonly place: ParameterPlace;
  readonly machine: Machine['id'] | undefined;
}

async function placeOf(deps: ParameterServiceDeps, target: ParameterTarget): Promise<Result<Found, ParameterOutcome>> {
  switch (target.scope) {
    case 'site':
      return ok({ place: { scope: 'site', subject: '' }, machine: undefined });
    case 'network':
      if (deps.networks().some((each) => each.name === target.subject))
        return ok({ place: target, machine: undefined });
      return err(badValue('subject', `there is no network "${target.subject.slice(0, 80)}"`));
    case 'board':
      if (deps.boards.byName(target.subject)) return ok({ place: target, machine: undefined });
      return err(
        badValue('subject', `there is no board "${target.subject.slice(0, 80)}"; "farrier board list" shows all`),
      );
    case 'machine':
    case 'once': {
      const machine = await findMachine(deps.store, target.subject);
      if (machine) return ok({ place: { scope: target.scope, subject: machine.id }, machine: machine.id });
      return err({ is: 'unknown-machine', because: `no machine is called "${target.subject.slice(0, 80)}"` });
    }
  }
}

function whereWords({ scope, subject }: ParameterPlace): string {
  switch (scope) {
    case 'site':
      return ' for all machines';
    case 'network':
    case 'board':
      return ` for ${scope} ${subject}`;
    case 'machine':
      return '';
    case 'once':
      return ' for its next boot';
  }
}

function eventOf(
  deps: ParameterServiceDeps,
  machine: Machine['id'] | undefined,
  text: string,
  detail: NewEvent['detail'],
): NewEvent {
  return { atMs: deps.clock.now(), kind: 'edit', severity: 'note', machine, boot: undefined, text, detail };
}
