import type { Clock } from '../server/ports/clock.ts';
import { CHASSIS_CONTROL, COMMAND, writeAuthCapabilities } from '../server/wire/ipmi/commands.ts';
import {
  decodeRequest,
  encodeResponse,
  NET_FN,
  SEND_MESSAGE,
  type IpmiRequest,
  type IpmiResponse,
} from '../server/wire/ipmi/message.ts';
import { latin1, octetAt } from '../server/wire/ipmi/octets.ts';
import { SUITES, type CipherSuite } from '../server/wire/ipmi/suite.ts';

/** The machine behind a virtual BMC. */
export interface BmcPower {
  isOn(): boolean;
  turn(on: boolean): void;
  reset(): void;
}

/** What the next boot shall come from, as ordered over IPMI. */
export type BmcBootDevice = 'none' | 'pxe' | 'disk' | 'other';

/** The chassis side of a virtual BMC: what commands do, without any session. */
export interface BmcChassis {
  answer(request: IpmiRequest): IpmiResponse;
  /** The wish for the next boot; it is forgotten with the asking unless it was made to last. */
  takeBootDevice(): BmcBootDevice;
  /** Seconds its light was last told to blink. */
  blinkS(): number;
  /** Orders are taken with a yes and nothing happens. */
  ignoreOrders(ignore: boolean): void;
}

const GET_DEVICE_ID = 0x01;
const SYSTEM_GUID = 0x37;
const CIPHER_SUITES = 0x54;
const OK = 0x00;
const UNKNOWN_COMMAND = 0xc1;
const SHORT_REQUEST = 0xc7;
const INVALID_FIELD = 0xcc;
const NOT_NOW = 0xd5;
const NOBODY_THERE = 0x83;
/** Time a BMC's own power cycle leaves the machine off. */
const CYCLE_MS = 1000;
const BOOT_FLAGS = 5;
/** What an order without a time means (§28.5). */
const IDENTIFY_S = 15;

const SELECTED: readonly BmcBootDevice[] = ['none', 'pxe', 'disk'];

type Answer = readonly [completion: number, ...data: number[]];

/** What a BMC is set to. */
export interface BmcSite {
  readonly needsKg: boolean;
  readonly suites: readonly CipherSuite[];
  /** Controllers behind this one, by address. */
  readonly behind?: ReadonlyMap<number, BmcChassis> | undefined;
}

/** A chassis over a machine's power. */
export function createBmcChassis(power: BmcPower, clock: Clock, site: BmcSite): BmcChassis {
  const options = new Map<number, Uint8Array>();
  let isIgnoring = false;
  let blinkS = 0;
  const flags = (): Uint8Array => options.get(BOOT_FLAGS) ?? new Uint8Array(5);
  const control = (action: number): Answer => {
    const [needsPower, act] = controlOf(action, power, clock);
    if (!act) return [INVALID_FIELD];
    if (needsPower && !power.isOn()) return [NOT_NOW];
    if (!isIgnoring) act();
    return [OK];
  };
  const chassis = ({ command, data }: IpmiRequest): Answer => {
    const first = octetAt(data, 0);
    switch (command) {
      case COMMAND.chassisStatus:
        return [OK, power.isOn() ? 0x01 : 0x00, 0, 0];
      case COMMAND.chassisControl:
        return control(first & 15);
      case COMMAND.setBootOptions:
        if (data.length > 1) options.set(first & 0x7f, data.slice(1));
        return data.length > 0 ? [OK] : [SHORT_REQUEST];
      case COMMAND.getBootOptions: {
        const stored = (first & 0x7f) === BOOT_FLAGS ? flags() : options.get(first & 0x7f);
        return stored ? [OK, 1, first & 0x7f, ...stored] : [0x80];
      }
      case COMMAND.chassisIdentify:
        if (!isIgnoring) blinkS = data.length === 0 ? IDENTIFY_S : first;
        return [OK];
      default:
        return [UNKNOWN_COMMAND];
    }
  };
  return {
    answer: (request) => {
      const answer =
        request.netFn === NET_FN.chassis
          ? chassis(request)
          : request.netFn === NET_FN.app
            ? app(request, site)
            : [UNKNOWN_COMMAND];
      const [completion = OK, ...data] = answer;
      return { netFn: request.netFn | 1, command: request.command, completion, data: Uint8Array.from(data) };
    },
    takeBootDevice: () => {
      const [first = 0, second = 0] = flags();
      if ((first & 0x40) === 0) options.delete(BOOT_FLAGS);
      return (first & 0x80) === 0 ? 'none' : (SELECTED[(second >> 2) & 15] ?? 'other');
    },
    blinkS: () => blinkS,
    ignoreOrders: (ignore) => {
      isIgnoring = ignore;
    },
  };
}

function controlOf(action: number, power: BmcPower, clock: Clock): readonly [boolean, (() => void) | undefined] {
  const turn = (on: boolean) => () => {
    if (power.isOn() !== on) power.turn(on);
  };
  switch (action) {
    case CHASSIS_CONTROL.on:
      return [false, turn(true)];
    case CHASSIS_CONTROL.off:
    case CHASSIS_CONTROL.softOff:
      return [false, turn(false)];
    case CHASSIS_CONTROL.reset:
      return [
        true,
        () => {
          power.reset();
        },
      ];
    case CHASSIS_CONTROL.cycle:
      return [
        true,
        () => {
          power.turn(false);
          clock.after(CYCLE_MS, turn(true));
        },
      ];
    default:
      return [false, undefined];
  }
}

/** Passes a message on to a controller behind this one; its answer comes inside ours (§22.7). */
function passOn(data: Uint8Array, behind: BmcSite['behind']): Answer {
  const message = data.subarray(1);
  const inner = decodeRequest(message);
  const node = behind?.get(octetAt(message, 0));
  if (!inner.ok || !node) return [NOBODY_THERE];
  return [OK, ...encodeResponse(node.answer(inner.value.request), inner.value.sequence)];
}

function app({ command, data }: IpmiRequest, site: BmcSite): Answer {
  switch (command) {
    case GET_DEVICE_ID:
      // Device 0x20, firmware 1.00, IPMI 2.0, a chassis device of maker 343, product 5.
      return [OK, 0x20, 1, 1, 0, 0x02, 0x80, 0x57, 0x01, 0, 5, 0];
    case SYSTEM_GUID:
      return [OK, ...latin1('farrier-bmc-guid')];
    case SEND_MESSAGE:
      return passOn(data, site.behind);
    case COMMAND.authCapabilities:
      return [OK, ...writeAuthCapabilities(site.needsKg)];
    case COMMAND.setPrivilege: {
      const level = octetAt(data, 0) & 15;
      return level <= 4 ? [OK, level === 0 ? 2 : level] : [INVALID_FIELD];
    }
    case CIPHER_SUITES: {
      // §22.15: records of 0xc0, suite number and its algorithms, 16 octets at a time.
      const records = SUITES.filter((suite) => site.suites.includes(suite)).flatMap((suite) => [
        0xc0,
        suite.id,
        suite.authentication,
        0x40 | suite.integrity,
        0x80 | suite.confidentiality,
      ]);
      const at = (octetAt(data, 2) & 63) * 16;
      return [OK, 1, ...records.slice(at, at + 16)];
    }
    case COMMAND.closeSession:
      return [OK];
    default:
      return [UNKNOWN_COMMAND];
  }
}
