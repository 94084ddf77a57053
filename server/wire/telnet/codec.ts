/** Telnet's own octets (RFC 854). */
export const TELNET = { se: 240, brk: 243, sb: 250, will: 251, wont: 252, do: 253, dont: 254, iac: 255 } as const;
/** Options that are known here: RFC 856, 857, 858, 2217. */
export const OPTION = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const;

/** What one side says it will, will not, or asks the other to do or not to do. */
export type TelnetVerb = 'will' | 'wont' | 'do' | 'dont';

/** One thing a peer said. */
export type TelnetToken =
  | { readonly is: 'data'; readonly octets: Uint8Array }
  | { readonly is: 'verb'; readonly verb: TelnetVerb; readonly option: number }
  | { readonly is: 'sub'; readonly option: number; readonly octets: Uint8Array };

const CR = 13;
const LF = 10;
const NUL = 0;
/** A subnegotiation longer than this is none of ours and is left out. */
const SUB_OCTETS_MAX = 256;

const VERBS: Readonly<Record<number, TelnetVerb>> = {
  [TELNET.will]: 'will',
  [TELNET.wont]: 'wont',
  [TELNET.do]: 'do',
  [TELNET.dont]: 'dont',
};

type State = 'data' | 'iac' | 'verb' | 'sub' | 'sub-iac';

/** Takes a stream apart, however it is cut. Memory is bounded whatever comes. `isBinary` may change with each token. */
export class TelnetDecoder {
  /** Whether data are binary (RFC 856): CR NUL then are two octets, else they are one CR. */
  isBinary = false;
  #state: State = 'data';
  #verb: TelnetVerb = 'wont';
  #sub: number[] = [];
  #wasCr = false;
  #data: number[] = [];

  decode(octets: Uint8Array, take: (token: TelnetToken) => void): void {
    for (const octet of octets) this.#take(octet, take);
    this.#endData(take);
  }

  #take(octet: number, take: (token: TelnetToken) => void): void {
    switch (this.#state) {
      case 'data':
        if (octet === TELNET.iac) this.#state = 'iac';
        else this.#takeData(octet);
        return;
      case 'iac':
        this.#takeCommand(octet);
        return;
      case 'verb':
        this.#state = 'data';
        this.#endData(take);
        take({ is: 'verb', verb: this.#verb, option: octet });
        return;
      case 'sub':
        if (octet === TELNET.iac) this.#state = 'sub-iac';
        else this.#takeSub(octet);
        return;
      case 'sub-iac':
        this.#state = octet === TELNET.iac ? 'sub' : 'data';
        if (octet === TELNET.iac) this.#takeSub(octet);
        else if (octet === TELNET.se) this.#endSub(take);
    }
  }

  #takeData(octet: number): void {
    const isPadding = !this.isBinary && this.#wasCr && octet === NUL;
    this.#wasCr = octet === CR;
    if (!isPadding) this.#data.push(octet);
  }

  #takeCommand(octet: number): void {
    this.#state = 'data';
    const verb = VERBS[octet];
    if (octet === TELNET.iac) this.#takeData(octet);
    else if (verb !== undefined) {
      this.#verb = verb;
      this.#state = 'verb';
    } else if (octet === TELNET.sb) {
      this.#sub = [];
      this.#state = 'sub';
    }
  }

  #takeSub(octet: number): void {
    if (this.#sub.length <= SUB_OCTETS_MAX) this.#sub.push(octet);
  }

  #endSub(take: (token: TelnetToken) => void): void {
    const [option, ...octets] = this.#sub;
    if (option === undefined || this.#sub.length > SUB_OCTETS_MAX) return;
    this.#endData(take);
    take({ is: 'sub', option, octets: Uint8Array.from(octets) });
  }

  #endData(take: (token: TelnetToken) => void): void {
    if (this.#data.length > 0) take({ is: 'data', octets: Uint8Array.from(this.#data) });
    this.#data = [];
  }
}

/** Data as they go on the wire; what is not binary has a NUL after each CR that no LF follows. */
export function encodeTelnet(octets: Uint8Array, isBinary: boolean): Uint8Array {
  const out: number[] = [];
  octets.forEach((octet, at) => {
    out.push(octet);
    if (octet === TELNET.iac) out.push(octet);
    if (!isBinary && octet === CR && octets[at + 1] !== LF) out.push(NUL);
  });
  return Uint8Array.from(out);
}

/** `IAC WILL option` and its like. */
export function encodeVerb(verb: TelnetVerb, option: number): Uint8Array {
  return Uint8Array.of(TELNET.iac, TELNET[verb], option);
}

/** `IAC SB option … IAC SE`. */
export function encodeSub(option: number, octets: Uint8Array): Uint8Array {
  const inside = encodeTelnet(octets, true);
  return Uint8Array.of(TELNET.iac, TELNET.sb, option, ...inside, TELNET.iac, TELNET.se);
}
