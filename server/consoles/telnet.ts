import { connect, type Socket } from 'node:net';
import { pause } from '../ports/clock.ts';
import type { ConsoleLine } from '../ports/console.ts';
import { OPTION, TELNET, TelnetDecoder, encodeTelnet, type TelnetToken } from '../wire/telnet/codec.ts';
import { decodeComPort, encodeBreak, encodeComPort, type ComPortSettings } from '../wire/telnet/com-port.ts';
import { TelnetOptions } from '../wire/telnet/options.ts';
import { HOST_FIELDS, SPEED_FIELD, defineTransport } from './define.ts';
import { connected, streamLine, sendAll, type LineCodec } from '../edges/stream-line.ts';

const BREAK_MS = 250;
/** A peer that asks and asks and takes no answers gets none. */
const ANSWERS_OCTETS_MAX = 16 << 10;
const machine = { scope: 'machine', required: false } as const;

/** Telnet to a console server, with the serial port's settings by RFC 2217 where that is wanted. */
export const telnet = defineTransport({
  name: 'telnet',
  summary: 'Telnet: ser2net, console servers; sets speed and parity and sends breaks by RFC 2217',
  fields: {
    ...HOST_FIELDS,
    rfc2217: {
      ...{ kind: 'choice', label: 'RFC 2217', help: 'Whether the server lets its clients set the serial port' },
      ...{ choices: ['no', 'yes'], default: 'no' },
      ...machine,
    },
    speed: SPEED_FIELD,
    dataBits: { kind: 'integer', label: 'Data bits', min: 5, max: 8, ...machine },
    parity: { kind: 'choice', label: 'Parity', choices: ['none', 'odd', 'even'], ...machine },
    stopBits: { kind: 'integer', label: 'Stop bits', min: 1, max: 2, ...machine },
  },
  open: async (given, { clock }, signal) => {
    const { host, port } = given;
    const whom = `${host} port ${port}`;
    const socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: 30_000, noDelay: true });
    await connected(socket, whom, signal);
    const settings = {
      speed: given.speed,
      dataBits: given.dataBits,
      parity: parityOf(given.parity),
      stopBits: given.stopBits,
    };
    const talk = new Talk(socket, whom, given.rfc2217 === 'yes' ? settings : undefined);
    const line = streamLine(socket, { clock, whom, codec: talk });
    talk.begin();
    return { ...line, sendBreak: () => talk.sendBreak((ms) => pause(clock, ms)), ended: talk.reasonOr(line.ended) };
  },
});

function parityOf(text: string | undefined): ComPortSettings['parity'] {
  return text === 'none' || text === 'odd' || text === 'even' ? text : undefined;
}

/** One Telnet conversation. */
class Talk implements LineCodec {
  readonly #socket: Socket;
  readonly #whom: string;
  readonly #settings: ComPortSettings | undefined;
  readonly #decoder = new TelnetDecoder();
  readonly #options: TelnetOptions;
  #fault: string | undefined;

  constructor(socket: Socket, whom: string, settings: ComPortSettings | undefined) {
    this.#socket = socket;
    this.#whom = whom;
    this.#settings = settings;
    this.#options = new TelnetOptions(settings !== undefined);
  }

  begin(): void {
    for (const offer of this.#options.begin()) this.#socket.write(offer);
  }

  hear(octets: Uint8Array): Uint8Array {
    const said: Uint8Array[] = [];
    this.#decoder.decode(octets, (token) => {
      if (token.is === 'data') said.push(token.octets);
      else this.#obey(token);
    });
    return Buffer.concat(said);
  }

  say(octets: Uint8Array): Uint8Array {
    return encodeTelnet(octets, this.#options.weDo(OPTION.binary));
  }

  async sendBreak(wait: (ms: number) => Promise<void>): Promise<void> {
    if (!this.#options.weDo(OPTION.comPort)) {
      await sendAll(this.#socket, Uint8Array.of(TELNET.iac, TELNET.brk));
      return;
    }
    await sendAll(this.#socket, encodeBreak(true));
    await wait(BREAK_MS);
    await sendAll(this.#socket, encodeBreak(false));
  }

  /** Our own reason for the end, where there is one. */
  async reasonOr(ended: ConsoleLine['ended']): Promise<string> {
    const words = await ended;
    return this.#fault ?? words;
  }

  #obey(token: Exclude<TelnetToken, { is: 'data' }>): void {
    if (token.is === 'sub') {
      if (token.option === OPTION.comPort) this.#checkReply(token.octets);
      return;
    }
    const { verb, option } = token;
    const couldSet = this.#options.weDo(OPTION.comPort);
    const answer = this.#options.answer(verb, option);
    if (answer && this.#socket.writableLength < ANSWERS_OCTETS_MAX) this.#socket.write(answer);
    this.#decoder.isBinary = this.#options.theyDo(OPTION.binary);
    if (!this.#settings || option !== OPTION.comPort) return;
    if (verb === 'dont') this.#break(`${this.#whom} does not speak RFC 2217; set "rfc2217" to no`);
    else if (!couldSet && this.#options.weDo(OPTION.comPort))
      for (const command of encodeComPort(this.#settings)) this.#socket.write(command);
  }

  #checkReply(octets: Uint8Array): void {
    const reply = decodeComPort(octets);
    const wanted = this.#settings?.speed;
    if (reply.is === 'speed' && wanted !== undefined && reply.speed !== wanted)
      this.#break(`${this.#whom} set ${reply.speed} baud and not ${wanted}`);
  }

  #break(words: string): void {
    this.#fault ??= words;
    this.#socket.destroy();
  }
}
