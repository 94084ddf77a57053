import { OPTION, encodeVerb, type TelnetVerb } from './codec.ts';

type Standing = 'no' | 'asked' | 'yes';

/**
 * What both sides do, as a client of a serial port wants it: eight bits both ways, no go-aheads, echo theirs, and the
 * port's settings ours to say. Answers only what changes something, so that two peers cannot answer each other for ever
 * (RFC 1143).
 */
export class TelnetOptions {
  readonly #ours = new Map<number, Standing>();
  readonly #theirs = new Map<number, Standing>();
  readonly #offersOurs: ReadonlySet<number>;
  readonly #takesTheirs: ReadonlySet<number> = new Set([OPTION.binary, OPTION.echo, OPTION.suppressGoAhead]);

  constructor(wantsComPort: boolean) {
    const always = [OPTION.binary, OPTION.suppressGoAhead];
    this.#offersOurs = new Set<number>(wantsComPort ? [...always, OPTION.comPort] : always);
  }

  /** What is asked first. */
  begin(): readonly Uint8Array[] {
    for (const option of this.#offersOurs) this.#ours.set(option, 'asked');
    for (const option of [OPTION.binary, OPTION.suppressGoAhead]) this.#theirs.set(option, 'asked');
    return [
      ...[...this.#offersOurs].map((option) => encodeVerb('will', option)),
      ...[OPTION.binary, OPTION.suppressGoAhead].map((option) => encodeVerb('do', option)),
    ];
  }

  /** Whether we do it. */
  weDo(option: number): boolean {
    return this.#ours.get(option) === 'yes';
  }

  /** Whether they do it. */
  theyDo(option: number): boolean {
    return this.#theirs.get(option) === 'yes';
  }

  /** What is answered; nothing when that would change nothing. */
  answer(verb: TelnetVerb, option: number): Uint8Array | undefined {
    switch (verb) {
      case 'do':
        return this.#agree(this.#ours, option, this.#offersOurs.has(option), ['will', 'wont']);
      case 'will':
        return this.#agree(this.#theirs, option, this.#takesTheirs.has(option), ['do', 'dont']);
      case 'dont':
        return this.#end(this.#ours, option, 'wont');
      case 'wont':
        return this.#end(this.#theirs, option, 'dont');
    }
  }

  #agree(
    side: Map<number, Standing>,
    option: number,
    isWanted: boolean,
    [yes, no]: readonly [TelnetVerb, TelnetVerb],
  ): Uint8Array | undefined {
    if (!isWanted) return encodeVerb(no, option);
    const was = side.get(option) ?? 'no';
    side.set(option, 'yes');
    return was === 'no' ? encodeVerb(yes, option) : undefined;
  }

  #end(side: Map<number, Standing>, option: number, word: TelnetVerb): Uint8Array | undefined {
    const was = side.get(option) ?? 'no';
    side.set(option, 'no');
    return was === 'yes' ? encodeVerb(word, option) : undefined;
  }
}
