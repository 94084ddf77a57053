import type { FieldValues } from '../../server/core/field.ts';
import type { PowerDriver, PowerEdges } from '../../server/ports/power-driver.ts';
import { createKitEngine, type KitEngineParts } from '../../server/services/driver-kit/kit-engine.ts';
import type { KitEngine } from '../../server/services/driver-kit/kit-rule.ts';
import { createMemoryPowerStore } from './memory-power-store.ts';
import { createQuietLog } from './quiet-log.ts';

/** The kit's engine over a store in memory. */
export function engineInMemory(edges: PowerEdges, driver: PowerDriver, given: FieldValues): KitEngine {
  const parts: KitEngineParts = { ...edges, store: createMemoryPowerStore(edges.clock).store, log: createQuietLog() };
  return createKitEngine(parts, driver, given);
}
