import { argText } from '../core/arg-text.ts';
import type { BootPlan, BootRequest } from '../core/boot-plan.ts';
import type { Artefact } from '../core/bundle.ts';
import { requesterOf } from '../core/requester.ts';
import { firmwarePath } from '../core/rpi.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Render } from '../ports/render.ts';

type Boot = Extract<BootPlan, { readonly do: 'boot' }>;

/** What a Raspberry Pi's request comes to: a text made for it, a stored file, nothing, or the reason why not. */
export type RpiFile =
  | { readonly is: 'text'; readonly octets: Uint8Array }
  | { readonly is: 'stored'; readonly artefact: Artefact }
  | { readonly is: 'absent' }
  | { readonly is: 'refused'; readonly because: string };

/** Names whose refusal is told: without these it cannot boot. The others are part of its search. */
const TOLD: readonly string[] = ['config.txt', 'bootcode.bin'];

/** Whether a request's maker reads config.txt; everybody else is answered "not here" to such names. */
export function readsRpiNames(request: BootRequest): boolean {
  return requesterOf(request).loader === 'rpi';
}

/** What a plan gives for one of the names a Raspberry Pi asks for. */
export function rpiFile(render: Render, plan: BootPlan, name: string): RpiFile {
  if (plan.do === 'ignore') return { is: 'absent' };
  if (plan.do !== 'boot') return TOLD.includes(name) ? { is: 'refused', because: plan.because } : { is: 'absent' };
  switch (name) {
    case 'config.txt':
      return textOf(render('rpi', plan));
    case 'cmdline.txt':
      return textOf(rpiCmdline(plan));
    default:
      return storedOf(plan, name);
  }
}

/** `cmdline.txt`: all arguments on its one line. */
export function rpiCmdline(plan: Boot): Result<Uint8Array> {
  const words = plan.args.words.map((each) => each.word);
  const text = argText('rpi', words);
  return text.ok ? ok(new TextEncoder().encode(`${text.value}\n`)) : err(text.error);
}

function textOf(text: Result<Uint8Array>): RpiFile {
  return text.ok ? { is: 'text', octets: text.value } : { is: 'refused', because: text.error };
}

/** A file of its firmware, or the DTB when it is asked for by its own name. */
function storedOf(plan: Boot, name: string): RpiFile {
  const firmware = plan.rpi?.firmware.find((each) => firmwarePath(each.name) === name);
  const artefact = firmware ?? (plan.dtb?.name === name ? plan.dtb : undefined);
  return artefact ? { is: 'stored', artefact } : { is: 'absent' };
}
