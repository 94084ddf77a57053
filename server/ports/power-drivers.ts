import type { PowerDriver } from './power-driver.ts';

/** The drivers there are now; a file dropped into a driver folder appears without a restart. */
export interface PowerDrivers {
  list(): readonly PowerDriver[];
  byName(name: string): PowerDriver | undefined;
}

/** A file in a driver folder that is no driver, and why. */
export interface DriverProblem {
  readonly file: string;
  readonly because: string;
}

/** The drivers with where each comes from, and the files that are none. */
export interface DriverCatalogue extends PowerDrivers {
  problems(): readonly DriverProblem[];
  /** The file of a driver from a driver folder; nothing for one that comes with Farrier. */
  fileOf(name: string): string | undefined;
}
