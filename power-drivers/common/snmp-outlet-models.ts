/** An object of an outlet: its column, before bank and outlet. */
interface Order {
  readonly column: string;
  readonly value: number;
}

/** How a family of devices switches its outlets. */
export interface OutletModel {
  readonly title: string;
  readonly on: Order;
  readonly off: Order;
  /** Off and on again by the device itself. */
  readonly reboot?: Order;
  readonly status: { readonly column: string; readonly on: readonly number[]; readonly off: readonly number[] };
  /** What stands before the outlet's number in the index: unit, tower and feed, or slot; the first one unless told. */
  readonly bank?: string;
}

function orders(column: string, on: number, off: number, reboot: number): Pick<OutletModel, 'on' | 'off' | 'reboot'> {
  return { on: { column, value: on }, off: { column, value: off }, reboot: { column, value: reboot } };
}

const APC = '1.3.6.1.4.1.318.1.1';
const EATON = '1.3.6.1.4.1.534.6.6.7.6.6.1';
const RARITAN = '1.3.6.1.4.1.13742.6.4.1.2.1';
const SENTRY3 = '1.3.6.1.4.1.1718.3.2.3.1';
const SENTRY4 = '1.3.6.1.4.1.1718.4.1.8';
const CYBERPOWER = '1.3.6.1.4.1.3808.1.1.3.3';
const POE_ADMIN = '1.3.6.1.2.1.105.1.1.1.3';

/** Devices by the value of the field `model`; names and values as the vendors' MIBs have them. */
export const OUTLET_MODELS = {
  // PowerNet-MIB: rPDUOutletControlOutletCommand immediateOn(1) immediateOff(2) immediateReboot(3); rPDUOutletStatusOutletState on(1) off(2).
  'apc-rpdu': {
    title: 'APC rack PDU, AP79xx',
    ...orders(`${APC}.12.3.3.1.1.4`, 1, 2, 3),
    status: { column: `${APC}.12.3.5.1.1.4`, on: [1], off: [2] },
  },
  // PowerNet-MIB: rPDU2OutletSwitchedControlCommand as above; rPDU2OutletSwitchedStatusState off(1) on(2).
  'apc-rpdu2': {
    title: 'APC rack PDU 2G, AP84xx, AP86xx, AP89xx',
    ...orders(`${APC}.26.9.2.4.1.5`, 1, 2, 3),
    status: { column: `${APC}.26.9.2.3.1.5`, on: [2], off: [1] },
  },
  // PowerNet-MIB: sPDUOutletCtl outletOn(1) outletOff(2) outletReboot(3), read and written at one place.
  'apc-masterswitch': {
    title: 'APC MasterSwitch, AP92xx',
    ...orders(`${APC}.4.4.2.1.3`, 1, 2, 3),
    status: { column: `${APC}.4.4.2.1.3`, on: [1], off: [2] },
  },
  // EATON-EPDU-MIB: outletControlStatus off(0) on(1) pendingOff(2) pendingOn(3); OnCmd, OffCmd and RebootCmd take a delay in seconds.
  'eaton-epdu': {
    title: 'Eaton ePDU G3 and G4',
    on: { column: `${EATON}.4`, value: 0 },
    off: { column: `${EATON}.3`, value: 0 },
    reboot: { column: `${EATON}.5`, value: 0 },
    status: { column: `${EATON}.2`, on: [1], off: [0] },
    bank: '0',
  },
  // PDU2-MIB: switchingOperation off(0) on(1) cycle(2); outletSwitchingState on(7) off(8).
  'raritan-px2': {
    title: 'Raritan PX2, PX3 and Legrand PX4',
    ...orders(`${RARITAN}.2`, 1, 0, 2),
    status: { column: `${RARITAN}.3`, on: [7], off: [8] },
    bank: '1',
  },
  // Sentry3-MIB: outletControlAction none(0) on(1) off(2) reboot(3); outletStatus off(0) on(1), 2 to 9 waits and errors.
  'servertech-sentry3': {
    title: 'Server Technology Sentry CDU, firmware 7',
    ...orders(`${SENTRY3}.11`, 1, 2, 3),
    status: { column: `${SENTRY3}.5`, on: [1], off: [0] },
    bank: '1.1',
  },
  // Sentry4-MIB: st4OutletControlAction none(0) on(1) off(2) reboot(3); st4OutletState unknown(0) on(1) off(2).
  'servertech-sentry4': {
    title: 'Server Technology PRO1 and PRO2, firmware 8',
    ...orders(`${SENTRY4}.5.1.2`, 1, 2, 3),
    status: { column: `${SENTRY4}.3.1.1`, on: [1], off: [2] },
    bank: '1.1',
  },
  // CPS-MIB: ePDUOutletControlOutletCommand immediateOn(1) immediateOff(2) immediateReboot(3); ePDUOutletStatusOutletState on(1) off(2).
  cyberpower: {
    title: 'CyberPower switched PDU',
    ...orders(`${CYBERPOWER}.3.1.1.4`, 1, 2, 3),
    status: { column: `${CYBERPOWER}.5.1.1.4`, on: [1], off: [2] },
  },
  // POWER-ETHERNET-MIB (RFC 3621): pethPsePortAdminEnable, a TruthValue, by group and port. A switch knows no reboot of a port.
  poe: {
    title: 'Port of a PoE switch',
    on: { column: POE_ADMIN, value: 1 },
    off: { column: POE_ADMIN, value: 2 },
    status: { column: POE_ADMIN, on: [1], off: [2] },
    bank: '1',
  },
} as const satisfies Readonly<Record<string, OutletModel>>;
