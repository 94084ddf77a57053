import { parseMac } from '../../server/core/address.ts';
import type { Machine, MachineId } from '../../server/core/machine.ts';
import type { Log } from '../../server/ports/log.ts';
import type { PowerAbility } from '../../server/ports/power-driver.ts';
import { VaultError } from '../../server/ports/vault.ts';
import { createPowerService, type PowerService } from '../../server/services/power.ts';
import { createMemoryPowerStore, type MemoryPowerStore } from './memory-power-store.ts';
import { createMovingClock, type MovingClock } from './moving-clock.ts';
import { createPretendPdu, type PretendPdu } from './pretend-pdu.ts';

/** A power service over a pretend PDU, in memory, with its own time. */
export interface PowerWorld extends MemoryPowerStore {
  readonly clock: MovingClock;
  readonly pdu: PretendPdu;
  readonly power: PowerService;
  /** The service a restarted daemon would have: the same store, nothing in memory. */
  restarted(): PowerService;
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A machine on an outlet of the pretend PDU: `m1` hangs on outlet 1 of `pdu-a`. */
export function poweredMachine(n: number, change: Partial<Machine> = {}): Machine {
  const mac = parseMac(`52:54:00:00:00:${n.toString(16).padStart(2, '0')}`);
  if (!mac.ok) throw new Error(mac.error);
  return {
    id: `m-${n}` as MachineId,
    rev: 1,
    name: `m${n}`,
    state: 'ready',
    failed: undefined,
    deadlineMs: undefined,
    macs: [mac.value],
    systemUuid: undefined,
    arch: undefined,
    board: undefined,
    recognised: undefined,
    firmware: undefined,
    facts: undefined,
    network: 'rack1',
    reserved: undefined,
    bundle: undefined,
    dtb: undefined,
    extraArgs: [],
    power: { driver: 'pretend', parameters: { host: 'pdu-a', outlet: String(n) } },
    powerSeen: undefined,
    ownerEpoch: 7,
    createdMs: 0,
    seenMs: 0,
    ...change,
  };
}

/** A world with machines `m1` to `m4` on one PDU. */
export function createPowerWorld(abilities?: readonly PowerAbility[]): PowerWorld {
  const clock = createMovingClock();
  const memory = createMemoryPowerStore();
  const pdu = createPretendPdu(clock, abilities);
  for (const n of [1, 2, 3, 4]) memory.put(poweredMachine(n));
  const make = (): PowerService =>
    createPowerService({
      store: memory.store,
      vault: {
        open: (sealed, context) => {
          if (!sealed.endsWith(`@${context}`)) throw new VaultError('moved to another row');
          return sealed.slice(0, -context.length - 1);
        },
      },
      drivers: { list: () => [pdu.driver], byName: (name) => (name === 'pretend' ? pdu.driver : undefined) },
      boards: { byName: () => undefined },
      clock,
      rng: { octets: (count) => crypto.getRandomValues(new Uint8Array(count)) },
      log: silent,
    });
  return { ...memory, clock, pdu, power: make(), restarted: make };
}
