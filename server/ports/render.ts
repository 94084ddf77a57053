import type { BootFormat } from '../core/board.ts';
import type { BootPlan } from '../core/boot-plan.ts';
import type { Result } from '../core/result.ts';

/**
 * Turns a plan into the text (or script image) of one format: the same octets for the same plan. Refuses words the format
 * cannot carry, by name.
 */
export type Render = (format: BootFormat, plan: BootPlan) => Result<Uint8Array>;

/** A DTB with kernel arguments written into its `/chosen/bootargs`; the error says why it is no device tree. */
export type WriteBootargs = (dtb: Uint8Array, args: string) => Result<Uint8Array>;
