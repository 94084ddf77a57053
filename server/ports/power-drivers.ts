import type { PowerDriver } from './power-driver.ts';

/** The drivers there are now; a file dropped into a driver folder appears without a restart. */
export interface PowerDrivers {
  list(): readonly PowerDriver[];
  byName(name: string): PowerDriver | undefined;
}
