/** What a "no" means for whoever asked: another try later, or never. */
type IpmiFault = 'unreachable' | 'timeout' | 'busy' | 'auth' | 'refused' | 'config';

/** A fault with its words. */
export interface IpmiTrouble {
  readonly code: IpmiFault;
  readonly because: string;
}

const SESSION_STATUS: Readonly<Record<number, IpmiTrouble>> = {
  0x01: { code: 'busy', because: 'no free session on the BMC' },
  0x02: { code: 'busy', because: 'the BMC forgot the session id' },
  0x08: { code: 'busy', because: 'the session is no longer active' },
  0x09: { code: 'auth', because: 'invalid role: this user may not have that privilege' },
  0x0a: { code: 'auth', because: 'the user has not the privilege asked for' },
  0x0b: { code: 'busy', because: 'no free session for that privilege' },
  0x0c: { code: 'config', because: 'the BMC refuses the length of the user name' },
  0x0d: { code: 'auth', because: 'no such user' },
  0x0f: { code: 'auth', because: 'the BMC did not accept our proof: wrong password or K_g' },
};
const NO_SUITE = [0x04, 0x05, 0x10, 0x11];

/** Whether a status code says that the cipher suite is not offered (IPMI 2.0 table 13-15). */
export function refusesSuite(status: number): boolean {
  return NO_SUITE.includes(status);
}

/** What an RMCP+ status code means (table 13-15). */
export function sessionTrouble(status: number): IpmiTrouble {
  if (refusesSuite(status)) return { code: 'config', because: 'the BMC does not offer the cipher suite asked for' };
  return SESSION_STATUS[status] ?? { code: 'refused', because: `RMCP+ status 0x${status.toString(16)}` };
}

const COMPLETION: Readonly<Record<number, IpmiTrouble>> = {
  0x81: { code: 'auth', because: 'the BMC does not grant that privilege to this user' },
  0xc0: { code: 'busy', because: 'the BMC is busy' },
  0xc1: { code: 'refused', because: 'the BMC does not know this command' },
  0xc3: { code: 'busy', because: 'the BMC itself timed out' },
  0xcc: { code: 'refused', because: 'the BMC calls a field invalid' },
  0xce: { code: 'busy', because: 'the BMC cannot answer now' },
  0xcf: { code: 'busy', because: 'the BMC took it for a repetition' },
  0xd0: { code: 'busy', because: 'the BMC is in a firmware or SDR update' },
  0xd1: { code: 'busy', because: 'the BMC is initializing' },
  0xd4: { code: 'auth', because: 'the user has not the privilege for this command' },
  0xd5: { code: 'refused', because: 'not possible in the present state' },
  0xd6: { code: 'refused', because: 'this function is disabled on the BMC' },
};

/** What a completion code other than 0 means (§5.2, table 5-2). */
export function completionTrouble(completion: number): IpmiTrouble {
  return COMPLETION[completion] ?? { code: 'refused', because: `completion code 0x${completion.toString(16)}` };
}

const BRIDGE: Readonly<Record<number, IpmiTrouble>> = {
  0x81: { code: 'busy', because: 'the bus to the controller behind the BMC is busy' },
  0x82: { code: 'busy', because: 'an error on the bus to the controller behind the BMC' },
  // Not "unreachable": a missing cartridge must not make its chassis look dead to the other ones.
  0x83: { code: 'refused', because: 'no controller answers at that address behind the BMC' },
};

/** What a refused Send Message means: it did not come to the controller behind the BMC (§22.7, table 22-9). */
export function bridgeTrouble(completion: number): IpmiTrouble {
  const known = BRIDGE[completion];
  if (known) return known;
  const { code, because } = completionTrouble(completion);
  return { code, because: `the message was not passed on to the controller behind the BMC: ${because}` };
}
