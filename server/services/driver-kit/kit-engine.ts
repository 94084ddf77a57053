import type { FieldValues } from '../../core/field.ts';
import { BARE_MACHINE, machineIdOf, type Machine } from '../../core/machine.ts';
import type { PowerDriver, PowerEdges } from '../../ports/power-driver.ts';
import { secretContext } from '../power-secrets.ts';
import { createPowerService, type PowerDeps, type PowerService } from '../power.ts';
import type { KitEngine } from './kit-rule.ts';

/** What an engine of the kit stands on; its store holds nothing but the kit's own machines. */
export interface KitEngineParts extends PowerEdges, Pick<PowerDeps, 'store' | 'log'> {}

/** The real power service over one driver, with one machine that has these parameters, secrets among them. */
export function createKitEngine(parts: KitEngineParts, driver: PowerDriver, given: FieldValues): KitEngine {
  const power = serviceOver(parts, driver);
  const laid = layMachine(parts, driver, given);
  const fresh = async (): Promise<Machine> => {
    const { id } = await laid;
    const machine = await parts.store.machines.byId(id);
    if (!machine) throw new Error('the machine of the kit is gone');
    return machine;
  };
  return {
    order: async (verb) => power.order(await fresh(), verb, 'the kit'),
    status: async () => power.status(await fresh()),
    stop: async () => {
      await power.stop();
      // The next engine may have a machine on the same outlet.
      await parts.store.machines.remove(await fresh(), []);
    },
  };
}

function serviceOver(parts: KitEngineParts, driver: PowerDriver): PowerService {
  return createPowerService({
    ...parts,
    // Nothing is kept of these secrets, so nothing is sealed: a context that does not belong shows all the same.
    vault: { open: (sealed, context) => sealed.slice(0, -context.length - 1) },
    drivers: { list: () => [driver], byName: (name) => (name === driver.name ? driver : undefined) },
    boards: { byName: () => undefined },
    planNext: () => Promise.resolve(undefined),
  });
}

async function layMachine(
  { store, clock, rng }: KitEngineParts,
  driver: PowerDriver,
  given: FieldValues,
): Promise<Machine> {
  const isSecret = (field: string): boolean => driver.fields[field]?.kind === 'secret';
  const parameters = Object.fromEntries(Object.entries(given).filter(([field]) => !isSecret(field)));
  const machine = await store.machines.add(
    {
      ...BARE_MACHINE,
      ...{ name: 'kit', state: 'ready', network: 'none' },
      id: machineIdOf(rng.octets(10)),
      power: { driver: driver.name, parameters },
      createdMs: clock.now(),
      seenMs: clock.now(),
    },
    [],
  );
  for (const [field, value] of Object.entries(given))
    if (isSecret(field))
      await store.secrets.put(machine.id, field, `${String(value)}@${secretContext(machine.id, field)}`);
  return machine;
}
