import { z } from 'zod';
import { timeText } from './output.ts';
import type { Terminal } from './deps.ts';

/** A boot record as the API tells it, as far as the terminal shows it. */
export const bootShape = z.looseObject({
  id: z.string(),
  startedMs: z.number().optional(),
  verdict: z
    .looseObject({
      state: z.string(),
      words: z.string(),
      lastGood: z.string().optional(),
      others: z.array(z.string()),
      remedy: z.string().optional(),
    })
    .optional(),
});

/** Boots whose verdicts stand above a timeline. */
const SHOWN_MAX = 3;

/** Letters that would steer the terminal are left out: words of guests may stand in a verdict. */
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');

/** Writes the verdicts over the newest boots, with what to try, as the page has them. */
export function writeVerdicts(terminal: Pick<Terminal, 'writeOut'>, boots: readonly z.infer<typeof bootShape>[]): void {
  for (const { id, startedMs, verdict } of boots.slice(0, SHOWN_MAX)) {
    if (!verdict) continue;
    const { state, words, lastGood, others, remedy } = verdict;
    const lines = [
      `boot ${id}, ${timeText(startedMs) ?? ''}: ${state}`,
      `  ${words}`,
      ...(lastGood === undefined ? [] : [`  last good step: ${lastGood}`]),
      ...(remedy === undefined ? [] : [`  what to try: ${remedy}`]),
      ...(others.length === 0 ? [] : [`  it could also be: ${others.join('; ')}`]),
    ];
    terminal.writeOut(`${lines.map(plain).join('\n')}\n\n`);
  }
}
