import type { BootFormat } from '../core/board.ts';
import type { BootPlan } from '../core/boot-plan.ts';
import type { Result } from '../core/result.ts';

/** Turns a plan into the text (or script image) of one format. Refuses words the format cannot carry, by name. */
export interface Render {
  /** `madeAtS` is the time stamp of formats that have one (the u-boot script image), epoch seconds. */
  (format: BootFormat, plan: BootPlan, madeAtS: number): Result<Uint8Array>;
}

/** A DTB with kernel arguments written into its `/chosen/bootargs`; the error says why it is no device tree. */
export type WriteBootargs = (dtb: Uint8Array, args: string) => Result<Uint8Array>;
