import type { PowerDrivers } from '../../server/ports/power-drivers.ts';
import { createPowerService, type PowerService } from '../../server/services/power.ts';
import { realEdges } from './ipmi-crypto.ts';
import type { MemoryPowerStore } from './memory-power-store.ts';
import { createQuietLog } from './quiet-log.ts';

/** The real power service in real time over these drivers; secrets are sealed as `SECRET@CONTEXT`. */
export function createRealPower({ store }: MemoryPowerStore, drivers: PowerDrivers): PowerService {
  return createPowerService({
    store,
    vault: { open: (sealed, context) => sealed.replace(`@${context}`, '') },
    drivers,
    boards: { byName: () => undefined },
    planNext: () => Promise.resolve(undefined),
    ...realEdges,
    log: createQuietLog(),
  });
}
