import type { Mac } from '../core/address.ts';
import type { BootPlan } from '../core/boot-plan.ts';

/** What would be asked, when no machine is named. */
export interface ExplainRequest {
  readonly ref?: string;
  readonly mac?: Mac;
  /** Option 93. */
  readonly clientArch?: number;
}

export interface ExplainedFile {
  /** As the loader asks for it. */
  readonly path: string;
  readonly octets: number;
  readonly sha256: string;
  /** The text of configs and scripts; nothing for binaries. */
  readonly text: string | undefined;
}

/** The whole answer to "what does this machine get", without powering anything. */
export interface Explanation {
  readonly subject: string;
  readonly network: string;
  readonly board: { readonly name: string; readonly file: string; readonly shadows: string | undefined } | undefined;
  readonly evidence: readonly string[];
  /** DHCP answer, option by option: `siaddr 10.77.0.1`, `file "boot.scr.uimg"`. */
  readonly dhcp: readonly string[];
  readonly plan: BootPlan;
  readonly files: readonly ExplainedFile[];
}

export type ExplainOutcome =
  | { readonly is: 'done'; readonly explanation: Explanation }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

export type Explain = (request: ExplainRequest) => Promise<ExplainOutcome>;
