import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../server/ports/clock.ts';
import { startHttpDevice, type DeviceRequest, type HttpDevice } from './http-device.ts';
import { pretendMachine, type Misbehaviour, type PretendMachine } from './machine.ts';

/** A request as a pretend device's program reads it. */
export interface WebAsk {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What it answers. */
export interface WebAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The outlets as the device's program sees them: `turn` may do nothing, or later. Numbers and names alike are texts. */
export interface WebOutlets {
  has(outlet: string): boolean;
  isOn(outlet: string): boolean;
  turn(outlet: string, on: boolean): void;
}

/** The device's program: one answer for each request. */
export type WebManner = (ask: WebAsk, outlets: WebOutlets) => WebAnswer;

/** A pretend device with a web server and several outlets, on 127.0.0.1. Flapping it cuts one connection in five. */
export interface PretendWebDevice extends HttpDevice {
  isOn(outlet: string): boolean;
  /** Somebody presses the button. */
  turn(outlet: string, on: boolean): void;
}

const CUT_EVERY = 5;

/** Starts a pretend device, its outlets all off; resolves when it listens. */
export async function startWebDevice(options: {
  readonly manner: WebManner;
  readonly outlets: readonly string[];
  readonly clock: Clock;
  /** With it, HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}): Promise<PretendWebDevice> {
  const { manner, clock, tls } = options;
  const machines = new Map(options.outlets.map((outlet): [string, PretendMachine] => [outlet, pretendMachine(clock)]));
  let how: Misbehaviour = 'not';
  let asked = 0;
  const outlets: WebOutlets = {
    has: (outlet) => machines.has(outlet),
    isOn: (outlet) => machines.get(outlet)?.isOn() ?? false,
    turn: (outlet, on) => machines.get(outlet)?.order(on),
  };
  const device = await startHttpDevice({
    clock,
    tls,
    answer: (request) => {
      asked += 1;
      if (how === 'flapping' && asked % CUT_EVERY === 1) throw new Error('cut');
      const { status = 200, ...rest } = manner(askOf(request), outlets);
      return { status, ...rest };
    },
  });
  const behave = (next: Misbehaviour): void => {
    for (const machine of machines.values()) machine.misbehave(next);
  };
  return {
    ...device,
    misbehave: (next) => {
      [how, asked] = [next, 0];
      device.misbehave(next);
      behave(next);
    },
    isOn: (outlet) => outlets.isOn(outlet),
    turn: (outlet, on) => {
      behave('not');
      outlets.turn(outlet, on);
      behave(how);
    },
  };
}

function askOf({ method, path, headers, body }: DeviceRequest): WebAsk {
  const url = new URL(path, 'http://device');
  return { method, path: decodeURIComponent(url.pathname), query: url.searchParams, headers, body };
}
