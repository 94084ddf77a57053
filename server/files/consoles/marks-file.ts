import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ConsoleMark } from '../../core/console.ts';

const MARKS_MAX = 4000;
const markShape: z.ZodType<ConsoleMark> = z.object({
  at: z.number(),
  atMs: z.number(),
  is: z.enum(['opened', 'closed', 'paused', 'resumed', 'boot']),
  words: z.string(),
});

/** What happened beside the octets, one JSON line each. */
export class MarksFile {
  readonly #path: string;
  #marks: readonly ConsoleMark[] = [];
  #lines = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get marks(): readonly ConsoleMark[] {
    return this.#marks;
  }

  /** Reads what an earlier run left; lines that cannot be read are left out. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const lines = text.split('\n');
    this.#lines = lines.length;
    this.#marks = lines.flatMap((line) => markOf(line)).slice(-MARKS_MAX);
  }

  /** Takes a mark at once. */
  take(mark: ConsoleMark): void {
    this.#marks = [...this.#marks, mark].slice(-MARKS_MAX);
  }

  async write(mark: ConsoleMark): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(mark)}\n`, { mode: 0o600 });
    this.#lines += 1;
    // A line that comes and goes for months says few octets, so that nothing else would ever drop its marks.
    if (this.#lines > 2 * MARKS_MAX) await this.#writeAll();
  }

  /** Forgets what lies before an offset, but not the boot that is under way there. */
  async drop(before: number): Promise<void> {
    const boot = this.#marks.findLast((mark) => mark.is === 'boot' && mark.at <= before);
    this.#marks = this.#marks.filter((mark) => mark.at >= before || mark === boot);
    await this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    await writeFile(`${this.#path}.new`, this.#marks.map((mark) => `${JSON.stringify(mark)}\n`).join(''), {
      mode: 0o600,
    });
    await rename(`${this.#path}.new`, this.#path);
    this.#lines = this.#marks.length;
  }
}

function markOf(line: string): readonly ConsoleMark[] {
  try {
    const mark = markShape.safeParse(JSON.parse(line));
    return mark.success ? [mark.data] : [];
  } catch {
    // Cut off by a power failure.
    return [];
  }
}
