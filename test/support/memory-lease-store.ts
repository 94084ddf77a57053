import type { Ipv4 } from '../../server/core/address.ts';
import type { Lease } from '../../server/core/lease.ts';
import type { LeaseStore } from '../../server/ports/store.ts';

function inOrder(a: Lease, b: Lease): number {
  return a.network === b.network ? a.address - b.address : a.network < b.network ? -1 : 1;
}

/** A lease store in memory that counts its commits and can be made to fail or to wait. */
export class MemoryLeaseStore implements LeaseStore {
  readonly rows = new Map<string, Lease>();
  readonly commits: (readonly Lease[])[] = [];
  /** Set: every commit throws it. */
  failure: Error | undefined;
  /** Set: commits wait for it before they write. */
  gate: Promise<void> | undefined;

  constructor(leases: readonly Lease[] = []) {
    for (const lease of leases) this.#write(lease);
  }

  list(): Promise<readonly Lease[]> {
    return Promise.resolve([...this.rows.values()].sort(inOrder));
  }

  async commit(leases: readonly Lease[]): Promise<void> {
    await this.gate;
    if (this.failure) throw this.failure;
    this.commits.push(leases);
    for (const lease of leases) this.#write(lease);
  }

  forget(network: string, addresses: readonly Ipv4[]): Promise<void> {
    for (const address of addresses) this.rows.delete(`${network} ${address}`);
    return Promise.resolve();
  }

  #write(lease: Lease): void {
    this.rows.set(`${lease.network} ${lease.address}`, lease);
  }
}
