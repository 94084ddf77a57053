import type { Machine, PowerSetting } from './machine.ts';

/**
 * What makes two power settings the same outlet or BMC: driver and parameters, whatever their order, case or blanks.
 * Nothing for a driver without parameters, which names no device.
 */
export function outletOf(power: PowerSetting | undefined): string | undefined {
  const entries = Object.entries(power?.parameters ?? {});
  if (!power || entries.length === 0) return undefined;
  const canonical = entries
    .map(([key, value]) => [key, String(value).trim().toLowerCase()])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return JSON.stringify([power.driver, canonical]);
}

/** Whether somebody relies on a machine: cutting its power would destroy work. */
export function isInUse({ state }: Pick<Machine, 'state'>): boolean {
  switch (state) {
    case 'new':
    case 'ready':
    case 'broken':
    case 'retired':
      return false;
    case 'commissioning':
    case 'testing':
    case 'allocated':
    case 'deploying':
    case 'deployed':
    case 'releasing':
    case 'erasing':
    case 'entering-rescue':
    case 'rescue':
    case 'leaving-rescue':
      return true;
  }
}

/** The other machines that hang on the same declared-shared outlet. */
export function sharersOf(machine: Machine, all: readonly Machine[]): readonly Machine[] {
  const outlet = machine.power?.shared === true ? outletOf(machine.power) : undefined;
  if (outlet === undefined) return [];
  return all.filter(
    (other) => other.id !== machine.id && other.power?.shared === true && outletOf(other.power) === outlet,
  );
}
