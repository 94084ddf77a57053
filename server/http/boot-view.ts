import { z } from 'zod';
import { BOOT_STEPS, CONFIDENCES, LAYERS, VERDICT_STATES, type Verdict } from '../core/boot-verdict.ts';
import type { BootRecord } from '../core/event.ts';
import { verdictWords } from '../core/verdict.ts';

const verdictView = z.object({
  state: z.enum(VERDICT_STATES),
  words: z.string().describe('The verdict as one sentence.'),
  rule: z.string().describe('The signature that decided; docs/verdicts.md lists them.'),
  lastGood: z.enum(BOOT_STEPS).optional(),
  layer: z.enum(LAYERS).optional(),
  cause: z.string(),
  others: z.array(z.string()).describe('What else it could be, likeliest first.'),
  remedy: z.string().optional(),
  evidence: z.array(z.number()).describe('Ids of the events it rests on.'),
  confidence: z.enum(CONFIDENCES),
  dueMs: z.number().optional().describe('When the next step is due, while it goes on.'),
});

const servedView = z.object({
  purpose: z.enum(['agent', 'bundle']),
  bundle: z.string(),
  board: z.string(),
  format: z.string(),
  kernel: z.string().describe('SHA-256'),
  initrd: z.string().optional(),
  dtb: z.string().optional(),
  args: z.string().describe('The kernel arguments; the token of the boot is left out.'),
  callsHome: z.boolean(),
});

/** A boot record without what must stay secret. */
export const bootView = z.object({
  id: z.string(),
  machine: z.string(),
  startedMs: z.number(),
  endedMs: z.number().optional(),
  plan: z.string(),
  served: servedView.optional(),
  verdict: verdictView.optional(),
});

/** A boot record as the API tells it, with the verdict as it stands now. */
export function viewOfBoot(boot: BootRecord, verdict: Verdict | undefined): z.infer<typeof bootView> {
  const { id, machine, startedMs, endedMs, plan, served } = boot;
  return {
    ...{ id, machine, startedMs, endedMs, plan, served },
    verdict: verdict && {
      ...verdict,
      words: verdictWords(verdict),
      others: [...verdict.others],
      evidence: [...verdict.evidence],
    },
  };
}
