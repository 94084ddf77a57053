import type { MachineId } from '../../server/core/machine.ts';
import {
  PARAMETER_SCOPES,
  type ParameterDeclaration,
  type ParameterPlace,
  type SetParameter,
} from '../../server/core/parameter.ts';
import type { FarrierEvent, NewEvent } from '../../server/core/event.ts';
import { StaleWrite, Taken, type ParameterStore } from '../../server/ports/store.ts';

const step = <T>(job: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(job());
  });

const isAt = (place: ParameterPlace) => (each: ParameterPlace) =>
  each.scope === place.scope && each.subject === place.subject;

/** Parameters that are forgotten at the end of the process; `world` looks at the other tables. */
export function createMemoryParameters(
  note: (events: readonly NewEvent[]) => readonly FarrierEvent[],
  world: { readonly hasMachine: (id: MachineId) => boolean; readonly newestBootMs: (id: MachineId) => number },
): ParameterStore {
  const declarations = new Map<string, ParameterDeclaration>();
  let settings: readonly SetParameter[] = [];
  let last = 0;
  const ofMachine = ({ scope }: ParameterPlace): boolean => scope === 'machine' || scope === 'once';
  /** What the triggers of the real store remove: values of machines that are gone, one-shot values that had expired when a boot began. */
  const present = (): readonly SetParameter[] =>
    (settings = settings.filter((each) => {
      const id = each.subject as MachineId;
      if (ofMachine(each) && !world.hasMachine(id)) return false;
      return each.scope !== 'once' || (each.expiresMs ?? 0) > world.newestBootMs(id);
    }));
  const waiting = (): readonly SetParameter[] => present().filter((each) => each.boot === undefined);
  const byPlace = (a: SetParameter, b: SetParameter): number =>
    a.name.localeCompare(b.name) || (a.scope < b.scope ? -1 : a.scope > b.scope ? 1 : a.subject < b.subject ? -1 : 1);
  const without = (place: ParameterPlace, name: string): readonly SetParameter[] =>
    present().filter((each) => !(isAt(place)(each) && each.name === name && each.boot === undefined));
  return {
    declarations: () => step(() => [...declarations.values()].sort((a, b) => (a.name < b.name ? -1 : 1))),
    declare: (declaration, events) =>
      step(() => {
        declarations.set(declaration.name, declaration);
        note(events);
      }),
    undeclare: (name, events) =>
      step(() => {
        const user = waiting().find((each) => each.name === name);
        if (user) throw new Taken(`${name} is still set for ${`${user.scope} ${user.subject}`.trim()}; unset it first`);
        if (declarations.delete(name)) note(events);
      }),
    list: () => step(() => [...waiting()].sort(byPlace)),
    at: (places) =>
      step(() => {
        const wanted = [{ scope: 'site', subject: '' } as const, ...places.filter((each) => each.scope !== 'site')];
        return wanted.flatMap((place) =>
          present()
            .filter(isAt(place))
            .sort((a, b) => a.name.localeCompare(b.name) || a.id - b.id),
        );
      }),
    set: (value, events) =>
      step(() => {
        if (!PARAMETER_SCOPES.includes(value.scope)) throw new Error('no such scope');
        if (ofMachine(value) && !world.hasMachine(value.subject as MachineId))
          throw new StaleWrite(`machine ${value.subject} is gone`);
        const setting = { ...value, id: (last += 1), boot: undefined };
        settings = [...without(value, value.name), setting];
        note(events);
        return setting;
      }),
    unset: (place, name, events) =>
      step(() => {
        const left = without(place, name);
        const was = left.length < settings.length;
        settings = left;
        if (was) note(events);
        return was;
      }),
    spend: (ids, boot, events) =>
      step(() => {
        const spent = waiting().filter((each) => each.scope === 'once' && ids.includes(each.id));
        settings = settings.map((each) => (spent.includes(each) ? { ...each, boot } : each));
        if (spent.length > 0) note(events);
        return ids.filter((id) => spent.some((each) => each.id === id));
      }),
    giveBack: (ids, boot) =>
      step(() => {
        settings = present().map((each) => {
          const another = waiting().some((other) => isAt(each)(other) && other.name === each.name);
          return each.boot === boot && ids.includes(each.id) && !another ? { ...each, boot: undefined } : each;
        });
      }),
  };
}
