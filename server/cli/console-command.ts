import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { pause } from '../ports/clock.ts';
import { pathOf, type Api } from './client.ts';
import { createEscapes, ESCAPE_DEFAULT, escapeWords, parseEscape } from './console-escape.ts';
import { addConsoleSettings } from './console-settings.ts';
import { followConsole, type ConsoleFrame, type Following } from './console-link.ts';
import type { CommandContext } from './context.ts';
import type { Terminal } from './deps.ts';
import { CliFailure, EXIT } from './failure.ts';
import { plain } from './output.ts';

/** So much of what was said before is shown first. */
const BEFORE_OCTETS = 4096;
const INTERRUPT = 0x03;

const stateShape = z.looseObject({ recorded: z.looseObject({ from: z.number(), to: z.number() }) });
const timedShape = z.looseObject({
  to: z.number(),
  chunks: z.array(z.looseObject({ atMs: z.number(), octets: z.string() })),
});

interface ConsoleOptions {
  readonly escape: number;
  readonly readonly?: boolean;
  readonly from?: number;
  readonly replay?: string;
  readonly speed: number;
  readonly download?: string;
}

function readEscape(text: string): number {
  const parsed = parseEscape(text);
  if (parsed.ok) return parsed.value;
  throw new InvalidArgumentError(parsed.error);
}

function readOffset(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('an offset is a number of octets');
}

function readSpeed(text: string): number {
  const speed = Number(text);
  if (speed > 0 && speed <= 1000) return speed;
  throw new InvalidArgumentError('a speed is a number above 0, up to 1000');
}

/** Shows what a console says, and sends what is typed once the keyboard is ours. */
class Viewer {
  readonly #ref: string;
  readonly #terminal: Terminal;
  readonly #options: ConsoleOptions;
  #isWriter = false;
  #wasWarned = false;
  #following: Following | undefined;

  constructor(ref: string, terminal: Terminal, options: ConsoleOptions) {
    this.#ref = ref;
    this.#terminal = terminal;
    this.#options = options;
  }

  /** A raw terminal does not return by itself at the end of a line. */
  #say(words: string): void {
    this.#terminal.writeErr(`\r\n[${this.#ref}: ${plain(words)}]\r\n`);
  }

  hear(frame: ConsoleFrame): void {
    switch (frame.is) {
      case 'hello':
        this.#isWriter = false;
        this.#say(`${lineWords(frame.line)}; ${escapeWords(this.#options.escape)} ? for help`);
        return;
      case 'line':
        this.#say(lineWords(frame.line));
        return;
      case 'writer':
        if (frame.you !== this.#isWriter || !frame.you) this.#say(writerWords(frame, this.#options.escape));
        this.#isWriter = frame.you;
        this.#wasWarned = false;
        return;
      case 'refused':
        this.#say(frame.because);
        return;
      case 'at':
        return;
    }
  }

  lost(because: string): void {
    this.#isWriter = false;
    this.#say(`${because}; trying again`);
  }

  type(following: Following): (piece: Uint8Array) => void {
    this.#following = following;
    const take = createEscapes(this.#options.escape);
    return (piece) => {
      for (const typing of take(piece)) {
        if (typing.is === 'command') this.#command(typing.letter);
        else this.#keys(typing.octets);
      }
    };
  }

  #keys(octets: Uint8Array): void {
    if (this.#isWriter) this.#following?.send(octets);
    else if (this.#options.readonly && octets.includes(INTERRUPT)) this.#following?.end();
    else if (!this.#wasWarned) {
      this.#wasWarned = true;
      const how = this.#options.readonly ? 'this is --readonly' : `${escapeWords(this.#options.escape)} w takes them`;
      this.#say(`keys go nowhere: ${how}`);
    }
  }

  #command(letter: string): void {
    const escape = escapeWords(this.#options.escape);
    const isWriting = 'wWrb'.includes(letter);
    if (letter === 'q' || letter === '.') this.#following?.end();
    else if (isWriting && this.#options.readonly) this.#say('this is --readonly');
    else if (letter === 'w') this.#following?.ask({ do: 'take' });
    else if (letter === 'W') this.#following?.ask({ do: 'take', over: true });
    else if (letter === 'r') this.#following?.ask({ do: 'release' });
    else if (letter === 'b') this.#following?.ask({ do: 'break' });
    else
      this.#say(
        `after ${escape}: q quits, w takes the keyboard, W takes it from somebody, r gives it back, b sends a break, ${escape} sends itself`,
      );
  }
}

function lineWords({ is, because }: { readonly is: string; readonly because?: string | null | undefined }): string {
  const words = new Map([
    ['open', 'live'],
    ['none', 'it has no console; farrier console set says how it is reached'],
    ['connecting', 'opening the line'],
    ['closed', 'the line is closed'],
  ]);
  return `${words.get(is) ?? is}${because ? `: ${because}` : ''}`;
}

function writerWords(frame: Extract<ConsoleFrame, { is: 'writer' }>, escape: number): string {
  if (frame.you) return `the keyboard is yours; ${escapeWords(escape)} r gives it back`;
  return frame.writer ? `${frame.writer.name} has the keyboard` : 'nobody has the keyboard';
}

async function watch(context: CommandContext, api: Api, ref: string, options: ConsoleOptions): Promise<void> {
  const { terminal, clock } = context.deps;
  const path = pathOf('machines', ref, 'console');
  const { recorded } = await api.call({ method: 'GET', path }, stateShape);
  const viewer = new Viewer(ref, terminal, options);
  const following = followConsole({
    open: (from) => api.stream(`${path}/stream`, { from: String(from) }),
    from: options.from ?? Math.max(recorded.from, recorded.to - BEFORE_OCTETS),
    clock,
    octets: (octets) => terminal.writeOctets(octets),
    said: (frame) => {
      viewer.hear(frame);
    },
    lost: (because) => {
      viewer.lost(because);
    },
  });
  const restore = terminal.takeKeys?.(viewer.type(following), () => {
    following.end();
  });
  try {
    await following.ended;
  } finally {
    restore?.();
    if (restore) terminal.writeErr('\r\n');
  }
}

async function replay(context: CommandContext, api: Api, ref: string, options: ConsoleOptions): Promise<void> {
  const { terminal, clock } = context.deps;
  const path = pathOf('machines', ref, 'console', 'log');
  const next = async (from: string | undefined): Promise<z.infer<typeof timedShape>> =>
    api.call({ method: 'GET', path, query: { as: 'timed', boot: options.replay, from } }, timedShape);
  let beforeMs: number | undefined;
  // One answer holds but a part of a long boot.
  for (let part = await next(undefined); part.chunks.length > 0; part = await next(String(part.to)))
    for (const { atMs, octets } of part.chunks) {
      const waitMs = (atMs - (beforeMs ?? atMs)) / options.speed;
      if (waitMs >= 1) await pause(clock, waitMs);
      beforeMs = atMs;
      await terminal.writeOctets(Buffer.from(octets, 'base64'));
    }
  if (beforeMs === undefined) throw new CliFailure(EXIT.notFound, 'nothing was recorded of this boot');
}

async function download(context: CommandContext, api: Api, ref: string, options: ConsoleOptions): Promise<void> {
  const { download: file = '-', from, replay: boot } = options;
  const query = { as: 'raw', from: from === undefined ? undefined : String(from), boot };
  const path = pathOf('machines', ref, 'console', 'log');
  const answer = await api.octets({ method: 'GET', path, query });
  if (file === '-') {
    for await (const piece of answer) await context.deps.terminal.writeOctets(piece);
    return;
  }
  await pipeline(answer, createWriteStream(file, { mode: 0o600 }));
  context.say(`the record of ${ref} is in ${file}`);
}

/** `farrier console …` */
export function addConsoleCommand(program: Command, context: CommandContext): void {
  const parent = program
    .command('console')
    .description('its serial console: live, recorded, or once more; with set, show, unset: how it is reached')
    .addArgument(new Argument('<machine>', 'its name, MAC, id or the unique beginning of its name'))
    .addOption(
      new Option('--escape <key>', 'the key before a command').argParser(readEscape).default(ESCAPE_DEFAULT, '^]'),
    )
    .option('--readonly', 'never takes the keyboard; Ctrl-C quits')
    .option('--from <offset>', 'from this octet of the record on', readOffset)
    .option('--replay <boot>', 'what it said in this boot, at the pace it was said')
    .addOption(new Option('--speed <times>', 'how much faster a replay is').argParser(readSpeed).default(1))
    .option('--download <file>', 'writes the record to a file, every octet as it came; - is standard output')
    .action(async (ref: string, options: ConsoleOptions, command: Command) => {
      const api = context.api(command);
      if (options.download !== undefined) await download(context, api, ref, options);
      else if (options.replay !== undefined) await replay(context, api, ref, options);
      else await watch(context, api, ref, options);
    });
  addConsoleSettings(parent, context);
}
