/** By what a machine is watched, the surest first. */
export type FlipSign = 'link' | 'BMC' | 'DHCP' | 'console';

/** A machine that gave no sign of life any more, and which sign it had been. */
export interface Silenced {
  readonly machine: string;
  readonly sign: FlipSign;
}

/** Who fell silent and what of it, as people say it. */
export function silenceWords({ machine, sign }: Silenced): string {
  switch (sign) {
    case 'link':
      return `${machine} answers no more on its address`;
    case 'BMC':
      return `the BMC of ${machine} answers no more`;
    case 'DHCP':
      return `${machine} asks no more by DHCP`;
    case 'console':
      return `the console of ${machine} says no more`;
  }
}

/** What was seen when one machine's outlet was switched off and on again. Machines by name. */
export interface FlipFinding {
  readonly machine: string;
  /** Who gave no sign of life any more while it was off. */
  readonly silent: readonly string[];
  /** Why the outlet could not be tried, in words. */
  readonly trouble: string | undefined;
}

/** Whether the outlet that a machine's setting names is the one it hangs on. */
export type FlipVerdict =
  | { readonly is: 'right' }
  /** Each of the two outlets switches the other machine. */
  | { readonly is: 'swapped'; readonly with: string }
  /** The outlet switches this machine instead. */
  | { readonly is: 'wrong'; readonly switches: string }
  | { readonly is: 'nobody' }
  | { readonly is: 'unsure'; readonly because: string };

/** Judges each finding in the light of the others. */
export function judgeFlips(findings: readonly FlipFinding[]): ReadonlyMap<string, FlipVerdict> {
  return new Map(findings.map((finding) => [finding.machine, judge(finding, findings)] as const));
}

function judge({ machine, silent, trouble }: FlipFinding, all: readonly FlipFinding[]): FlipVerdict {
  if (trouble !== undefined) return { is: 'unsure', because: trouble };
  const [only, ...more] = silent;
  if (only === undefined) return { is: 'nobody' };
  if (more.length > 0) return { is: 'unsure', because: `${silent.join(', ')} went silent together` };
  if (only === machine) return { is: 'right' };
  const other = all.find((each) => each.machine === only);
  const isMutual = other?.trouble === undefined && other?.silent.length === 1 && other.silent[0] === machine;
  return isMutual ? { is: 'swapped', with: only } : { is: 'wrong', switches: only };
}

/** A verdict as people say it. */
export function flipWords(verdict: FlipVerdict): string {
  switch (verdict.is) {
    case 'right':
      return 'right';
    case 'swapped':
      return `swapped with ${verdict.with}`;
    case 'wrong':
      return `wrong: it switches ${verdict.switches}`;
    case 'nobody':
      return 'nobody went silent';
    case 'unsure':
      return `unsure: ${verdict.because}`;
  }
}
