import type { Clock } from '../../server/ports/clock.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { PowerDriver, PowerEdges } from '../../server/ports/power-driver.ts';
import type { KitEngine } from '../../server/services/driver-kit/kit-rule.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import { createPowerService } from '../../server/services/power.ts';
import { createMemoryPowerStore } from './memory-power-store.ts';
import { poweredMachine } from './power-world.ts';
import { createQuietLog } from './quiet-log.ts';

/** The real power service over one driver, with one machine. */
export function createKitEngine(
  edges: PowerEdges & { readonly clock: Clock },
  driver: PowerDriver,
  given: FieldValues,
): KitEngine {
  const memory = createMemoryPowerStore(edges.clock);
  const isSecret = (field: string): boolean => driver.fields[field]?.kind === 'secret';
  const parameters = Object.fromEntries(Object.entries(given).filter(([field]) => !isSecret(field)));
  const machine = poweredMachine(1, { power: { driver: driver.name, parameters } });
  memory.put(machine);
  for (const [field, value] of Object.entries(given).filter(([name]) => isSecret(name)))
    memory.seal(machine.id, field, `${String(value)}@${secretContext(machine.id, field)}`);
  const power = createPowerService({
    store: memory.store,
    vault: { open: (sealed, context) => sealed.slice(0, -context.length - 1) },
    drivers: { list: () => [driver], byName: (name) => (name === driver.name ? driver : undefined) },
    boards: { byName: () => undefined },
    ...edges,
    log: createQuietLog(),
  });
  return {
    order: (verb) => power.order(memory.machine('m1'), verb, 'the kit'),
    status: () => power.status(memory.machine('m1')),
    stop: () => power.stop(),
  };
}
