import type { Ipv4 } from '../core/address.ts';

/** Whether a host answers on the network now; decides within a few seconds and never throws. */
export type AnswersNow = (address: Ipv4) => Promise<boolean>;
