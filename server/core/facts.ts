import type { Ipv4, Mac } from './address.ts';
import type { Arch } from './arch.ts';

/** One network interface as the agent saw it. */
export interface NicFact {
  readonly name: string;
  readonly mac: Mac;
  readonly driver: string | undefined;
  readonly speedMbit: number | undefined;
  readonly linkUp: boolean;
  readonly addresses: readonly Ipv4[];
}

/** One disk as the agent saw it. */
export interface DiskFact {
  readonly name: string;
  readonly octets: number;
  readonly model: string | undefined;
  readonly serial: string | undefined;
  readonly rotational: boolean;
}

/** What the server made of the raw facts an agent sent. Every text is bounded and free of control characters. */
export interface Facts {
  readonly arch: Arch | undefined;
  readonly cpuModel: string | undefined;
  readonly cpuCount: number;
  readonly memoryOctets: number;
  readonly disks: readonly DiskFact[];
  readonly nics: readonly NicFact[];
  /** SMBIOS. */
  readonly systemUuid: string | undefined;
  readonly vendor: string | undefined;
  readonly product: string | undefined;
  readonly serial: string | undefined;
  /** `/proc/device-tree/model` and `compatible`, most specific first; absent on ACPI machines. */
  readonly dtModel: string | undefined;
  readonly dtCompatible: readonly string[];
  readonly kernel: string | undefined;
  readonly cmdline: string | undefined;
  /** The BMC's LAN address, when the board has one that answers. */
  readonly bmcAddress: Ipv4 | undefined;
}
