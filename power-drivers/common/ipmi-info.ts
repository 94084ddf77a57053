import { chassisStatusRequest } from '../../server/wire/ipmi/commands.ts';
import type { ExchangeRequest } from '../../server/wire/ipmi/exchange-state.ts';
import * as info from '../../server/wire/ipmi/info.ts';
import type { IpmiRequest } from '../../server/wire/ipmi/message.ts';
import { octetAt, readU16le } from '../../server/wire/ipmi/octets.ts';
import { makerOf, quirksSeenAt } from './ipmi-quirks.ts';

type Words = readonly (readonly [label: string, words: string])[];

/** One question and what its answer means in words; nothing where the BMC does not know, or has nothing to say. */
interface Question {
  readonly request: IpmiRequest;
  readonly words: (data: Uint8Array) => Words;
}

const SOURCES: Readonly<Record<number, string>> = { 1: 'set by hand', 2: 'DHCP', 3: 'BIOS', 4: 'another protocol' };
const NO_GATEWAY = '0.0.0.0';

const QUESTIONS: readonly Question[] = [
  { request: info.deviceIdRequest(), words: deviceWords },
  {
    request: info.systemGuidRequest(),
    words: (data) => {
      const guid = info.readSystemGuid(data);
      return guid.ok ? [['system GUID', guid.value]] : [];
    },
  },
  { request: chassisStatusRequest(), words: chassisWords },
  lan('BMC address', info.LAN_PARAMETER.address, 4, dotted),
  lan('BMC address comes from', info.LAN_PARAMETER.source, 1, (value) => SOURCES[octetAt(value, 0) & 15]),
  lan('BMC MAC address', info.LAN_PARAMETER.mac, 6, (value) => hexOf(value).join(':')),
  lan('BMC netmask', info.LAN_PARAMETER.mask, 4, dotted),
  lan('BMC gateway', info.LAN_PARAMETER.gateway, 4, (value) => {
    const gateway = dotted(value);
    return gateway === NO_GATEWAY ? 'none' : gateway;
  }),
  lan('BMC VLAN', info.LAN_PARAMETER.vlan, 2, (value) => {
    const vlan = readU16le(value, 0);
    return (vlan & 0x8000) === 0 ? 'none' : String(vlan & 0xfff);
  }),
  serial('serial over LAN', info.SOL_PARAMETER.enabled, (value) => ((value & 1) === 0 ? 'disabled' : 'enabled')),
  serial('serial over LAN speed', info.SOL_PARAMETER.bitRate, (value) => {
    const rate = info.solBitRate(value);
    return rate === undefined ? undefined : `${rate} baud`;
  }),
];

/** What is asked of a BMC to describe itself and its chassis. None of it must be answered. */
export const INFO_REQUESTS: readonly ExchangeRequest[] = QUESTIONS.map(({ request }) => ({ request, optional: true }));

/** The answers to `INFO_REQUESTS` in words by label. */
export function infoWords(
  answers: readonly { readonly completion: number; readonly data: Uint8Array }[],
): Readonly<Record<string, string>> {
  const words = QUESTIONS.flatMap((question, at) => {
    const answer = answers[at];
    return answer?.completion === 0 ? question.words(answer.data) : [];
  });
  return Object.fromEntries(words);
}

function deviceWords(data: Uint8Array): Words {
  const device = info.readDeviceId(data);
  if (!device.ok) return [];
  const { manufacturer, product, firmware, ipmiVersion } = device.value;
  const quirks = quirksSeenAt(manufacturer).join(', ');
  return [
    ['manufacturer', makerOf(manufacturer)],
    ['product', String(product)],
    ['firmware', firmware],
    ['IPMI version', ipmiVersion],
    ...(quirks === '' ? [] : ([['quirks seen at this maker', quirks]] as const)),
  ];
}

function chassisWords(data: Uint8Array): Words {
  const chassis = info.readChassisDetail(data);
  if (!chassis.ok) return [];
  const { on, restorePolicy, lastEvents, faults, isIntruded } = chassis.value;
  return [
    ['power', on ? 'on' : 'off'],
    ['after a power failure', restorePolicy],
    ['last power event', lastEvents.join(', ') || 'none known'],
    ['faults', faults.join(', ') || 'none'],
    ['chassis', isIntruded ? 'was opened' : 'closed'],
  ];
}

function lan(
  label: string,
  parameter: number,
  octets: number,
  words: (value: Uint8Array) => string | undefined,
): Question {
  return { request: info.lanRequest(parameter), words: (data) => labelled(label, data, octets, words) };
}

function serial(label: string, parameter: number, words: (value: number) => string | undefined): Question {
  const request = info.solConfigRequest(parameter);
  return { request, words: (data) => labelled(label, data, 1, (value) => words(octetAt(value, 0))) };
}

function labelled(
  label: string,
  data: Uint8Array,
  octets: number,
  words: (value: Uint8Array) => string | undefined,
): Words {
  const value = info.readParameter(data, octets);
  const said = value.ok ? words(value.value) : undefined;
  return said === undefined ? [] : [[label, said]];
}

function dotted(value: Uint8Array): string {
  return value.join('.');
}

function hexOf(value: Uint8Array): readonly string[] {
  return Array.from(value, (octet) => octet.toString(16).padStart(2, '0'));
}
