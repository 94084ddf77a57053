import { OPTION, encodeSub } from './codec.ts';

/** How a serial port is set. */
export interface ComPortSettings {
  /** Baud; nothing leaves it as it is. */
  readonly speed: number | undefined;
  readonly dataBits: number | undefined;
  readonly parity: 'none' | 'odd' | 'even' | undefined;
  readonly stopBits: number | undefined;
}

/** What a server says that it set. */
export type ComPortReply = { readonly is: 'speed'; readonly speed: number } | { readonly is: 'other' };

/** Commands from client to server (RFC 2217 §2); the server answers with the same number and 100. */
const COMMAND = { speed: 1, dataBits: 2, parity: 3, stopBits: 4, control: 5 } as const;
const PARITY = { none: 1, odd: 2, even: 3 } as const;
const CONTROL = { breakOn: 5, breakOff: 6 } as const;
const SERVER = 100;

const command = (code: number, ...value: readonly number[]): Uint8Array =>
  encodeSub(OPTION.comPort, Uint8Array.of(code, ...value));

/** The commands that set a port. */
export function encodeComPort({ speed, dataBits, parity, stopBits }: ComPortSettings): readonly Uint8Array[] {
  const four = (value: number): readonly number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
  return [
    ...(speed === undefined ? [] : [command(COMMAND.speed, ...four(speed))]),
    ...(dataBits === undefined ? [] : [command(COMMAND.dataBits, dataBits)]),
    ...(parity === undefined ? [] : [command(COMMAND.parity, PARITY[parity])]),
    ...(stopBits === undefined ? [] : [command(COMMAND.stopBits, stopBits)]),
  ];
}

/** Begins or ends a serial break. */
export function encodeBreak(isOn: boolean): Uint8Array {
  return command(COMMAND.control, isOn ? CONTROL.breakOn : CONTROL.breakOff);
}

/** Reads what stands in a subnegotiation of this option. */
export function decodeComPort(octets: Uint8Array): ComPortReply {
  const [code, a = 0, b = 0, c = 0, d = 0] = octets;
  if (code !== COMMAND.speed + SERVER || octets.length !== 5) return { is: 'other' };
  return { is: 'speed', speed: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 };
}
