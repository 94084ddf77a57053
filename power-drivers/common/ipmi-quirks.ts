import type { HandshakeQuirks } from '../../server/wire/ipmi/exchange-state.ts';

/** How our side gives way to a BMC that departs from the specification. */
export interface IpmiQuirks extends HandshakeQuirks {
  /** An acknowledgement of no characters that is no refusal means all of them. */
  readonly ackOfNoneIsAll: boolean;
}

interface QuirkRow {
  /** IANA numbers of makers whose BMCs have been seen with it. */
  readonly makers: readonly number[];
  readonly quirks: Partial<IpmiQuirks>;
}

const NO_QUIRKS: IpmiQuirks = {
  ignoresCapabilities: false,
  padsUser: false,
  signsPrivilegeOnly: false,
  keysPrivilegeOnly: false,
  ackOfNoneIsAll: false,
};

/**
 * BMCs that need to be told apart before a session, by the name an operator gives. What can be borne without harm on every
 * BMC is borne on every one and not listed here: SOL ports that are none, SOL sizes that cannot be, missing payload
 * commands, refusals that are too short, padded packets, deferred serial alerts.
 */
const ROWS = {
  // FreeIPMI, ipmipower(8), "authcap": Asus P5M2, P5MT-R, RS162-E4/RX4; Intel SR1520ML, X38ML; Sun Fire 2200, 4150, 4450.
  'wrong-capabilities': { makers: [2623, 343, 42], quirks: { ignoresCapabilities: true } },
  // ipmitool, src/plugins/lanplus, "-o intelplus": Intel boards of the ESB2 generation.
  'intel-esb2': { makers: [343], quirks: { signsPrivilegeOnly: true, ackOfNoneIsAll: true } },
  // ipmitool, src/plugins/lanplus, "-o i82571spt": BMC of the Intel 82571 network controller.
  'intel-82571': { makers: [343], quirks: { padsUser: true, signsPrivilegeOnly: true, keysPrivilegeOnly: true } },
} satisfies Readonly<Record<string, QuirkRow>>;

const BY_NAME: ReadonlyMap<string, QuirkRow> = new Map(Object.entries(ROWS));

/** The names of the table, for a choice. */
export const QUIRK_NAMES: readonly string[] = [...BY_NAME.keys()];

/** What a name of the table stands for; none for any other. */
export function quirksOf(name: string): IpmiQuirks {
  return { ...NO_QUIRKS, ...BY_NAME.get(name)?.quirks };
}

/** Names of the table that BMCs of this maker may need. */
export function quirksSeenAt(maker: number): readonly string[] {
  return QUIRK_NAMES.filter((name) => BY_NAME.get(name)?.makers.includes(maker));
}

/** IANA private enterprise numbers of those who make or license BMCs. */
const MAKERS: Readonly<Record<number, string>> = {
  2: 'IBM',
  11: 'Hewlett-Packard',
  42: 'Sun Microsystems',
  343: 'Intel',
  674: 'Dell',
  2623: 'ASUSTek',
  4753: 'MontaVista',
  5771: 'Cisco',
  6653: 'Tyan',
  7244: 'Quanta',
  10368: 'Fujitsu',
  10876: 'Supermicro',
  15000: 'Kontron',
  19046: 'Lenovo',
  20974: 'American Megatrends',
  40092: 'Wiwynn',
  47196: 'Hewlett Packard Enterprise',
  48512: 'Inspur',
  49622: 'ASRock Rack',
};

/** A maker's name, or its number where it is not known. */
export function makerOf(number: number): string {
  return MAKERS[number] ?? `IANA enterprise ${number}`;
}
