import type { BootPlan } from '../core/boot-plan.ts';
import { err, type Result } from '../core/result.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import type { Boards } from '../ports/boards.ts';
import type { WriteBootargs } from '../ports/render.ts';

/** Where a plan's DTB is found, and what writes into it. */
export interface ChosenDtbDeps {
  readonly boards: Pick<Boards, 'openDtb'>;
  readonly store: Pick<Artefacts, 'open'>;
  readonly writeBootargs: WriteBootargs;
}

/** The DTB of a plan whose arguments travel in it; the error says why there is none. */
export async function chosenDtb(
  deps: ChosenDtbDeps,
  plan: Extract<BootPlan, { do: 'boot' }>,
): Promise<Result<Uint8Array>> {
  const { dtb } = plan;
  if (!dtb || plan.argsIn !== 'dtb') return err('its arguments do not travel in a device tree');
  const content = (await deps.boards.openDtb(dtb.sha256)) ?? (await deps.store.open(dtb.sha256));
  if (!content) return err(`the device tree ${dtb.name} is not there`);
  try {
    return deps.writeBootargs(await content.read(0, content.octets), plan.args.text);
  } finally {
    content.close();
  }
}
