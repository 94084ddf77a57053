import { NO_ADDRESS, parseIpv4, type Ipv4 } from './address.ts';
import { linesOf, plainText, type RawFacts } from './raw-facts.ts';
import { err, ok, type Result } from './result.ts';

/** A machine's BMC as its own ipmitool shows it from the inside (`mc info`, `channel info`, `lan print`, `user list`). */
export interface Bmc {
  /** Its address on the LAN; nothing while it has none. */
  readonly address: Ipv4 | undefined;
  /** The first channel that is a LAN. */
  readonly channel: number | undefined;
  readonly manufacturer: string | undefined;
  readonly firmware: string | undefined;
  readonly users: readonly BmcUser[];
}

/** One place for a user in a BMC; empty ones have no name. */
export interface BmcUser {
  readonly id: number;
  readonly name: string;
}

const USERS_MAX = 63;

/** Reads what an agent sent; hostile or missing text gives less, never an exception. */
export function parseBmc(raw: RawFacts): Bmc {
  const info = wordsByLabel(linesOf(raw, 'bmc-info'));
  return {
    address: bmcAddressOf(raw),
    channel: lanChannelOf(linesOf(raw, 'bmc-channels')),
    manufacturer: plainText(info.get('Manufacturer Name')),
    firmware: plainText(info.get('Firmware Revision')),
    users: usersOf(linesOf(raw, 'bmc-users')),
  };
}

/** The address `ipmitool lan print` shows; nothing for 0.0.0.0. */
export function bmcAddressOf(raw: RawFacts): Ipv4 | undefined {
  const address = parseIpv4(wordsByLabel(linesOf(raw, 'bmc-lan')).get('IP Address') ?? '');
  return address.ok && address.value !== NO_ADDRESS ? address.value : undefined;
}

/** `Label   : word` lines; of labels that come twice the first counts. */
function wordsByLabel(lines: readonly string[]): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(':');
    const label = line.slice(0, Math.max(0, at)).trim();
    if (label !== '' && !words.has(label)) words.set(label, line.slice(at + 1).trim());
  }
  return words;
}

/** `Channel 0x1 info:` and, below it, `Channel Medium Type   : 802.3 LAN`. */
function lanChannelOf(lines: readonly string[]): number | undefined {
  let channel: number | undefined;
  for (const line of lines) {
    const head = /^Channel 0x([0-9a-f]) info:/i.exec(line);
    if (head?.[1] !== undefined) channel = Number.parseInt(head[1], 16);
    if (/^\s*Channel Medium Type\s*:\s*802\.3 LAN/.test(line) && channel !== undefined) return channel;
  }
  return undefined;
}

/** `2,admin,true,false,true,ADMINISTRATOR`: number and name; the rest tells of another channel than the LAN. */
function usersOf(lines: readonly string[]): readonly BmcUser[] {
  const users = lines.flatMap((line): BmcUser[] => {
    const [id = '', name] = line.split(',', 2);
    if (!/^\d{1,2}$/.test(id) || name === undefined) return [];
    return Number(id) >= 1 && Number(id) <= USERS_MAX ? [{ id: Number(id), name: name.trim() }] : [];
  });
  return users.slice(0, USERS_MAX);
}

/** The name of the user Farrier makes for itself. */
export const BMC_USER = 'farrier';
/** IPMI 2.0 knows 20; many BMCs, and everything of 1.5, keep 16. */
export const BMC_PASSWORD_LETTERS = 16;

/**
 * Lines for `ipmitool exec` that make (or take over again) Farrier's own user on the LAN channel: operator, no more. The
 * vendor's users stay as they are. The error says why no user can be made.
 */
export function bmcUserOrders(bmc: Bmc, password: string): Result<string> {
  const { address, channel, users } = bmc;
  if (channel === undefined) return err('the BMC has no LAN channel');
  if (address === undefined) return err('the BMC has no address on its LAN; give it one in its set-up, or by DHCP');
  // 1 is the nameless user of every BMC, 2 the vendor's administrator even where its name was emptied.
  const own = users.find(({ name }) => name === BMC_USER) ?? users.find(({ id, name }) => id > 2 && name === '');
  if (!own) return err(`none of its ${users.length} places for users is free; empty one in the BMC`);
  const id = String(own.id);
  const lines = [
    `user set name ${id} ${BMC_USER}`,
    `user set password ${id} ${password} ${BMC_PASSWORD_LETTERS}`,
    `channel setaccess ${channel} ${id} callin=off ipmi=on link=off privilege=3`,
    `sol payload enable ${channel} ${id}`,
    `user enable ${id}`,
  ];
  return ok(lines.map((line) => `${line}\n`).join(''));
}
