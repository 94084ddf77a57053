import type { ConsoleSetting } from '../core/console.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import { ConsoleError, type ConsoleLine, type ConsoleTransport } from '../ports/console.ts';
import { PowerError } from '../ports/power-driver.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import type { Rng } from '../ports/rng.ts';
import type { Store } from '../ports/store.ts';
import { VaultError, type Vault } from '../ports/vault.ts';
import { createRedact, type Redact } from './power-redact.ts';
import { openSetting } from './power-secrets.ts';

/** The ways to serial lines there are. */
export interface ConsoleTransports {
  list(): readonly ConsoleTransport[];
  byName(name: string): ConsoleTransport | undefined;
}

/** What opening a line stands on. */
export interface OpenDeps {
  readonly store: Pick<Store, 'consoles' | 'secrets'>;
  readonly vault: Vault;
  readonly transports: ConsoleTransports;
  readonly drivers: PowerDrivers;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What a sealed secret of a console is bound to. */
export function consoleSecretContext(machine: string, field: string): string {
  return `${machine}/console/${field}`;
}

/** Opens a machine's line with its secrets in place. Every error is a `ConsoleError` without secrets. */
export async function openConsole(
  deps: OpenDeps,
  machine: Machine,
  setting: ConsoleSetting,
  signal: AbortSignal,
): Promise<ConsoleLine> {
  const transport = deps.transports.byName(setting.transport);
  if (!transport) throw new ConsoleError('config', `there is no console transport "${setting.transport}"`);
  const secrets = await openSecrets(deps, machine);
  const { clock, rng } = deps;
  try {
    const parameters = { ...setting.parameters, ...secrets };
    const byPowerDriver = driverLine(deps, machine);
    return await transport.open(parameters, { clock, rng, byPowerDriver }, signal);
  } catch (thrown) {
    throw plainError(thrown, createRedact(Object.values(secrets)));
  }
}

async function openSecrets({ store, vault }: OpenDeps, machine: Machine): Promise<Readonly<Record<string, string>>> {
  const opened: Record<string, string> = {};
  for (const [field, sealed] of await store.consoles.secretsOf(machine.id))
    try {
      opened[field] = vault.open(sealed, consoleSecretContext(machine.id, field));
    } catch (cause) {
      if (!(cause instanceof VaultError)) throw cause;
      throw new ConsoleError(
        'config',
        `the console secret "${field}" of ${machine.name} does not open; enter it again`,
      );
    }
  return opened;
}

/** How the machine's power driver opens its line, where it can. */
function driverLine(deps: OpenDeps, machine: Machine): ((signal: AbortSignal) => Promise<ConsoleLine>) | undefined {
  const driver = deps.drivers.byName(machine.power?.driver ?? '');
  if (!driver?.abilities.includes('console')) return undefined;
  return async (signal) => {
    const { parameters, redact } = await openSetting(machine, Object.keys(driver.fields), {
      secrets: deps.store.secrets,
      vault: deps.vault,
    });
    try {
      const line = await driver.open(parameters, deps).console?.(signal);
      if (line) return line;
    } catch (thrown) {
      throw plainError(thrown, redact);
    }
    throw new ConsoleError('config', `the driver "${driver.name}" declares a console and has none`);
  };
}

function plainError(thrown: unknown, redact: Redact): ConsoleError {
  const words = redact(thrown instanceof Error ? thrown.message : String(thrown));
  if (thrown instanceof ConsoleError) return new ConsoleError(thrown.code, words);
  if (thrown instanceof PowerError)
    return new ConsoleError(thrown.code === 'no-effect' ? 'refused' : thrown.code, words);
  return new ConsoleError('refused', `the console broke: ${words}`);
}
