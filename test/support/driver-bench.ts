import type { FieldValues } from '../../server/core/field.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';

/** A pretend (or real) device with one switchable machine behind it, for the conformance kit. */
export interface DriverBench {
  readonly driver: PowerDriver;
  /** Parameters that work, secrets among them. */
  readonly parameters: FieldValues;
  /** The name of the secret field whose wrong value must end as `auth`; nothing where the device knows no credentials. */
  readonly secretField: string | undefined;
  /** What the device really has: the judge. */
  truth(): Promise<'on' | 'off'>;
  /** How the device misbehaves from now on; throws 'unsupported' for what a real peer cannot be made to do. */
  misbehave(how: 'not' | 'silent' | 'slow' | 'half' | 'lies' | 'late' | 'flood' | 'flapping'): Promise<void>;
  /** Commands the device has seen, in order, with start and end on the monotonic clock, where the bench can tell: for "no two at once". */
  seen(): readonly { readonly beganMs: number; readonly endedMs: number }[];
  close(): Promise<void>;
}
