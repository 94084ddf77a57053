/**
 * Habits of Redfish services that differ from the specification (DSP0266), as data. What a service can be asked (its
 * resets, boot targets, whether it wants an ETag) is asked; only what cannot be is told by vendor.
 */

/** Resets that do what an order wants, the surest first; the first one the service allows is taken. */
export const RESET_TYPES = {
  on: ['On', 'ForceOn', 'PushPowerButton'],
  off: ['ForceOff', 'PushPowerButton', 'GracefulShutdown'],
  reset: ['ForceRestart', 'PowerCycle', 'GracefulRestart'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Boot sources by the device of the next boot; some services spell them in other letters than the schema. */
export const BOOT_TARGETS = { pxe: ['Pxe', 'UefiHttp'], disk: ['Hdd'] } as const;

/** Vendors that set a legacy or another mode when it is not sent along: Supermicro (DMTF/Redfishtool pull request 106). */
export const ECHO_BOOT_MODE: readonly string[] = ['supermicro'];

/**
 * The forms of `If-Match` a change is tried with, each only after the one before was answered 412 or 428: the ETag as it was
 * given; a weak one made strong (AMI, Gigabyte: ansible-collections/community.general pull request 6434); one whose quotes were doubled
 * (the same, 3268); none at all (services that refuse their own ETag).
 */
export function ifMatchForms(etag: string | undefined): readonly (string | undefined)[] {
  if (etag === undefined) return [undefined, '*'];
  const strong = etag.replace(/^W\//, '');
  const bare = `"${strong.replace(/[\\"]/g, '')}"`;
  return [...new Set([etag, strong, bare]), undefined];
}

/** Parts of a `MessageId` that mean "not now": iLO during POST, iDRAC with a job, full session tables. */
export const NOT_NOW: readonly string[] = [
  'UnableToModifyDuringSystemPOST',
  'ServiceTemporarilyUnavailable',
  'ServiceInUnknownState',
  'ServiceShuttingDown',
  'ResourceInUse',
  'ResourceInStandby',
  'SessionLimitExceeded',
  'CreateLimitReachedForResource',
];
