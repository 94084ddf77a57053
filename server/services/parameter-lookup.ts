import type { Machine } from '../core/machine.ts';
import { PARAMETER_CATALOGUE } from '../core/parameter-catalogue.ts';
import {
  effectiveParameters,
  type EffectiveParameter,
  type ParameterDeclaration,
  type ParameterPlace,
} from '../core/parameter.ts';
import type { Clock } from '../ports/clock.ts';
import type { ParameterStore } from '../ports/store.ts';

/** Where parameters are looked up. */
export interface ParameterSources {
  readonly parameters: Pick<ParameterStore, 'declarations' | 'at'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** For whom parameters count. */
export interface ParameterSubject {
  readonly machine: Pick<Machine, 'id'> | undefined;
  /** The board it boots as. */
  readonly board: string | undefined;
  readonly network: string | undefined;
  /** The boot under way, whose one-shot values still count; nothing when it is about the next one. */
  readonly boot: string | undefined;
}

/** All declarations by name: those shipped, then the site's own. */
export async function declaredParameters(sources: ParameterSources): Promise<readonly ParameterDeclaration[]> {
  return [...PARAMETER_CATALOGUE, ...(await sources.parameters.declarations())];
}

/** What counts for a machine: inherited site → network → board → machine → next boot. */
export async function lookUpParameters(
  sources: ParameterSources,
  subject: ParameterSubject,
): Promise<readonly EffectiveParameter[]> {
  const settings = await sources.parameters.at(placesOf(subject));
  const nowMs = sources.clock.now();
  const counting = settings.filter(
    ({ boot, expiresMs }) =>
      (boot === subject.boot && boot !== undefined) || (boot === undefined && (expiresMs ?? Infinity) > nowMs),
  );
  // A value that was set for the next boot while this one is under way is nearer than the one this boot was given.
  return effectiveParameters(await declaredParameters(sources), [...counting].reverse());
}

function placesOf({ machine, board, network }: ParameterSubject): readonly ParameterPlace[] {
  const place = (scope: ParameterPlace['scope'], subject: string | undefined): readonly ParameterPlace[] =>
    subject === undefined ? [] : [{ scope, subject }];
  return [
    ...place('network', network),
    ...place('board', board),
    ...place('machine', machine?.id),
    ...place('once', machine?.id),
  ];
}

/** The ids of the one-shot settings among these. */
export function onceIds(parameters: readonly EffectiveParameter[]): readonly number[] {
  return parameters.flatMap(({ setting }) => (setting?.scope === 'once' ? [setting.id] : []));
}
