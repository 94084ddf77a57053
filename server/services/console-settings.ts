import type { ConsoleSetting } from '../core/console.ts';
import type { NewEvent } from '../core/event.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsoleTransport } from '../ports/console.ts';
import { StaleWrite, type Store } from '../ports/store.ts';
import type { Vault } from '../ports/vault.ts';
import { checkSetting } from './check-setting.ts';
import { consoleSecretContext, type ConsoleTransports } from './console-open.ts';
import type { Actor } from './machines.ts';

/** How a serial line is to be reached; a secret that is not named stays, an empty one goes. */
export interface ConsoleChoice {
  readonly transport: string;
  readonly parameters: ConsoleSetting['parameters'];
  readonly secrets: Readonly<Record<string, string>>;
}

/** What became of a setting. */
export type ConsoleSetOutcome =
  | { readonly is: 'done' }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

/** A setting as it may be shown: the names of its secrets, never their values. */
export interface ConsoleSettingShown {
  readonly setting: ConsoleSetting | undefined;
  readonly secretsSet: readonly string[];
}

/** What settings stand on. */
export interface ConsoleSettingDeps {
  readonly store: Pick<Store, 'consoles'>;
  readonly vault: Pick<Vault, 'seal'>;
  readonly transports: ConsoleTransports;
  readonly clock: Clock;
}

/** The setting of a machine, for showing. */
export async function showConsole(
  { store }: Pick<ConsoleSettingDeps, 'store'>,
  machine: Machine,
): Promise<ConsoleSettingShown> {
  const [setting, sealed] = [await store.consoles.ofMachine(machine.id), await store.consoles.secretsOf(machine.id)];
  return { setting, secretsSet: [...sealed.keys()] };
}

/** Says how a machine's line is reached, or (without a choice) that it is not. */
export async function setConsole(
  deps: ConsoleSettingDeps,
  machine: Machine,
  choice: ConsoleChoice | undefined,
  by: Actor,
): Promise<ConsoleSetOutcome> {
  const event = (text: string, detail: NewEvent['detail']): NewEvent => ({
    ...{ atMs: deps.clock.now(), kind: 'edit', severity: 'note', machine: machine.id, boot: undefined },
    ...{ text, detail: { by, ...detail } },
  });
  if (!choice) {
    await deps.store.consoles.remove(machine.id, [event(`${by} removed the console setting`, {})]);
    return { is: 'done' };
  }
  const transport = deps.transports.byName(choice.transport);
  if (!transport) {
    const names = deps.transports.list().map(({ name }) => name);
    const because = `no console transport "${choice.transport}"; there are ${names.join(', ')}`;
    return { is: 'bad-value', field: 'transport', because };
  }
  const { setting } = await showConsole(deps, machine);
  // Secrets stay with the device they were given for: who may change the address must not learn the password by it.
  const kept = isSameDevice(transport, setting, choice) ? await deps.store.consoles.secretsOf(machine.id) : new Map();
  const checked = checkSetting(transport, choice.parameters, choice.secrets, [...kept.keys()].map(String));
  if (!checked.ok) return { is: 'bad-value', ...checked.error };
  const wanted = { machine: machine.id, setting: { transport: transport.name, parameters: checked.value } };
  const told = event(`${by} set the console to ${transport.name}`, { transport: transport.name });
  try {
    await deps.store.consoles.put(wanted, sealedOf(deps, machine, choice, kept), [told]);
  } catch (error) {
    if (error instanceof StaleWrite) return { is: 'unknown-machine', because: `${machine.name} is gone` };
    throw error;
  }
  return { is: 'done' };
}

function sealedOf(
  { vault }: ConsoleSettingDeps,
  machine: Machine,
  { secrets }: ConsoleChoice,
  kept: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const sealed = new Map(kept);
  for (const [field, plain] of Object.entries(secrets)) {
    if (plain === '') sealed.delete(field);
    else sealed.set(field, vault.seal(plain, consoleSecretContext(machine.id, field)));
  }
  return sealed;
}

function isSameDevice(
  transport: ConsoleTransport,
  setting: ConsoleSetting | undefined,
  choice: ConsoleChoice,
): boolean {
  if (setting?.transport !== transport.name) return false;
  const own = Object.entries(transport.fields).filter(
    ([, field]) => field.scope === 'controller' && field.kind !== 'secret',
  );
  return own.every(([name, field]) => {
    const [was, is] = [setting.parameters[name] ?? field.default, choice.parameters[name] ?? field.default];
    return String(was ?? '') === String(is ?? '');
  });
}
