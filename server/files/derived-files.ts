import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseSha256, type Sha256 } from '../core/address.ts';
import type { Artefact } from '../core/bundle.ts';
import type { KernelForm } from '../core/kernel-form.ts';
import { madeName, recipeKey, type Derived, type Recipe } from '../core/recipe.ts';
import type { ArtefactHeads, Artefacts } from '../ports/artefacts.ts';
import type { Clock } from '../ports/clock.ts';
import type { DerivedFiles } from '../ports/derived-files.ts';
import { digestOf } from './board-dtb.ts';
import { derivedPieces, type OpenFile } from './derived-pieces.ts';
import { formOfHead, PACKED_HEAD_OCTETS } from './kernel-head.ts';

/** Where the maker of derived files works. */
export interface DerivedFilesOptions {
  /** The list of what was made lives in `derived/` below it. */
  readonly dataDir: string;
  readonly artefacts: Pick<Artefacts, 'open' | 'has' | 'put'> & ArtefactHeads;
  /** Boards keep their DTBs in folders of their own. */
  readonly openDtb: OpenFile;
  readonly clock: Clock;
}

/** A made file may be no larger: a gzip of nothing but zeros would fill the disk. */
const MADE_OCTETS_MAX = 512 * 1024 * 1024;
/** How long somebody waits for a file: less than the 5 s after which u-boot asks again. */
const WAIT_MS = 4000;
const FORMS_MAX = 1000;

const entrySchema = z.strictObject({ name: z.string(), sha256: z.string(), octets: z.number() });

/** Opens the maker. What it makes goes into the folder of artefacts, one file at a time, and is made once. */
export function openDerivedFiles(options: DerivedFilesOptions): DerivedFiles {
  return new DerivedFolder(options);
}

class DerivedFolder implements DerivedFiles {
  readonly #options: DerivedFilesOptions;
  readonly #open: OpenFile;
  readonly #forms = new Map<Sha256, KernelForm>();
  readonly #underWork = new Map<string, Promise<Derived>>();
  /** Kernels are packed one after the other: a rack that changes its bundle must not take all processors. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DerivedFilesOptions) {
    this.#options = options;
    this.#open = async (sha256) => (await options.artefacts.open(sha256)) ?? options.openDtb(sha256);
  }

  async formOf(sha256: Sha256): Promise<KernelForm | undefined> {
    const known = this.#forms.get(sha256);
    if (known) return known;
    const head = await this.#options.artefacts.head(sha256, PACKED_HEAD_OCTETS);
    if (!head) return undefined;
    const form = await formOfHead(head);
    if (this.#forms.size >= FORMS_MAX) this.#forms.clear();
    this.#forms.set(sha256, form);
    return form;
  }

  async make(recipe: Recipe): Promise<Derived> {
    const key = recipeKey(recipe);
    const found = this.#underWork.get(key) ?? this.#begin(key, recipe);
    const stop = { now: (): void => undefined };
    const late = new Promise<Derived>((resolve) => {
      stop.now = this.#options.clock.after(WAIT_MS, () => {
        resolve({ is: 'making' });
      });
    });
    const made = await Promise.race([found, late]);
    stop.now();
    return made;
  }

  #begin(key: string, recipe: Recipe): Promise<Derived> {
    const made = this.#makeOrFind(key, recipe)
      .then((artefact): Derived => ({ is: 'there', artefact }))
      .catch((error: unknown): Derived => ({ is: 'failed', because: wordsOf(error) }))
      .finally(() => this.#underWork.delete(key));
    this.#underWork.set(key, made);
    return made;
  }

  async #makeOrFind(key: string, recipe: Recipe): Promise<Artefact> {
    const file = join(this.#options.dataDir, 'derived', digestOf(new TextEncoder().encode(key)));
    const found = await readEntry(file);
    if (found && (await this.#options.artefacts.has(found.sha256))) return { ...found, name: madeName(recipe) };
    const turn = this.#last.then(() => this.#make(file, recipe));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #make(file: string, recipe: Recipe): Promise<Artefact> {
    const pieces = derivedPieces(this.#open, recipe);
    const artefact = await this.#options.artefacts.put(madeName(recipe), pieces, MADE_OCTETS_MAX);
    await mkdir(join(this.#options.dataDir, 'derived'), { recursive: true });
    await writeFile(`${file}.part`, JSON.stringify(artefact));
    await rename(`${file}.part`, file);
    return artefact;
  }
}

/** An entry of the list; one that cannot be read counts as none, and its file is made again. */
async function readEntry(file: string): Promise<Artefact | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { name, octets, sha256 } = entrySchema.parse(JSON.parse(text));
    const digest = parseSha256(sha256);
    return digest.ok ? { name, octets, sha256: digest.value } : undefined;
  } catch {
    return undefined;
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
