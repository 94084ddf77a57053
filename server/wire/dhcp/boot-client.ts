import { OPT, textOf, textOption, type DhcpOptions } from './options.ts';

/** What a client's options say of its firmware. */
export interface BootClient {
  /** Option 93: the types in the client's order, of which the first known one is taken (RFC 4578 §2.1). */
  readonly archTypes: readonly number[];
  /** Option 94: `major.minor` of the network device interface (RFC 4578 §2.2). */
  readonly ndi: { readonly type: number; readonly major: number; readonly minor: number } | undefined;
  /** Option 97 of type 0, as text in SMBIOS order (RFC 4578 §2.3); a hint, never a key: boards share UUIDs. */
  readonly systemUuid: string | undefined;
  readonly vendorClass: string | undefined;
  readonly userClass: string | undefined;
  readonly isPxe: boolean;
  readonly isHttp: boolean;
  readonly isIpxe: boolean;
  /** `1.21.1`, as iPXE counts (option 175, sub-option 235); other loaders tell theirs in option 60 or not at all. */
  readonly ipxeVersion: string | undefined;
  readonly isUBoot: boolean;
}

/** Reads who boots. Malformed options are ignored, each by itself. */
export function readBootClient(options: DhcpOptions): BootClient {
  const vendorClass = textOption(options, OPT.vendorClass);
  const userClass = userClassOf(options.get(OPT.userClass));
  return {
    archTypes: archTypesOf(options.get(OPT.clientArch)),
    ndi: ndiOf(options.get(OPT.clientNdi)),
    systemUuid: uuidOf(options.get(OPT.clientUuid)),
    vendorClass,
    userClass,
    isPxe: vendorClass?.startsWith('PXEClient') ?? false,
    isHttp: vendorClass?.startsWith('HTTPClient') ?? false,
    // gPXE, its forerunner, sends the same option but runs no iPXE script: to us it is the ROM under it.
    isIpxe: userClass === 'iPXE' || (options.has(OPT.ipxeEncapsulated) && userClass !== 'gPXE'),
    ipxeVersion: ipxeVersionOf(options.get(OPT.ipxeEncapsulated)),
    isUBoot: vendorClass?.startsWith('U-Boot') ?? false,
  };
}

/** Whether option 97 has its only lawful form: type 0 and 16 octets (RFC 4578 §2.3). */
export function isUuidOption(value: Uint8Array | undefined): value is Uint8Array {
  return value?.length === 17 && value[0] === 0;
}

function archTypesOf(value: Uint8Array | undefined): readonly number[] {
  if (!value || value.length < 2 || value.length % 2 !== 0) return [];
  return Array.from({ length: value.length / 2 }, (_, at) => ((value[at * 2] ?? 0) << 8) | (value[at * 2 + 1] ?? 0));
}

function ndiOf(value: Uint8Array | undefined): BootClient['ndi'] {
  if (value?.length !== 3) return undefined;
  const [type = 0, major = 0, minor = 0] = value;
  return { type, major, minor };
}

/** SMBIOS writes the first three fields little-endian; the text is what Linux shows as `product_uuid`. */
function uuidOf(value: Uint8Array | undefined): string | undefined {
  if (!isUuidOption(value)) return undefined;
  const hex = [4, 3, 2, 1, 6, 5, 8, 7, 9, 10, 11, 12, 13, 14, 15, 16]
    .map((at) => (value[at] ?? 0).toString(16).padStart(2, '0'))
    .join('');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join('-');
}

const IPXE_VERSION = 235;

/** Sub-options are tag, length, value; what ends too early ends the search. */
function ipxeVersionOf(value: Uint8Array | undefined): string | undefined {
  for (let at = 0; value && at + 2 <= value.length; at += 2 + (value[at + 1] ?? 0)) {
    const octets = value.subarray(at + 2, at + 2 + (value[at + 1] ?? 0));
    if (value[at] === IPXE_VERSION && value[at + 1] === 3 && octets.length === 3) return octets.join('.');
  }
  return undefined;
}

/** iPXE sends `iPXE` plainly; RFC 3004 counts each class with a length octet in front. Both are understood. */
function userClassOf(value: Uint8Array | undefined): string | undefined {
  if (!value || value.length === 0) return undefined;
  const [length = 0] = value;
  const counted = length > 0 && length < value.length && (length === value.length - 1 || length < 32);
  return textOf(counted ? value.subarray(1, 1 + length) : value);
}
