import type { Ipv4, Mac } from '../../core/address.ts';
import type { Lease, LeaseState } from '../../core/lease.ts';
import type { LeaseStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';

interface LeaseRow {
  readonly network: string;
  readonly address: Ipv4;
  readonly client_key: string;
  readonly mac: Mac;
  readonly state: LeaseState;
  readonly expires_ms: number;
  readonly hostname: string | null;
  readonly circuit_id: string | null;
  readonly remote_id: string | null;
}

function leaseOf(row: LeaseRow): Lease {
  return {
    network: row.network,
    address: row.address,
    key: row.client_key,
    mac: row.mac,
    state: row.state,
    expiresMs: row.expires_ms,
    hostname: row.hostname ?? undefined,
    circuitId: row.circuit_id ?? undefined,
    remoteId: row.remote_id ?? undefined,
  };
}

function rowOf(lease: Lease): LeaseRow {
  return {
    network: lease.network,
    address: lease.address,
    client_key: lease.key,
    mac: lease.mac,
    state: lease.state,
    expires_ms: lease.expiresMs,
    hostname: lease.hostname ?? null,
    circuit_id: lease.circuitId ?? null,
    remote_id: lease.remoteId ?? null,
  };
}

/** Leases in SQLite. The transaction of `commit` ends with one fsync of the WAL (synchronous FULL). */
export function createLeaseStore(ledger: Ledger): LeaseStore {
  const list = ledger.db.prepare<[], LeaseRow>('SELECT * FROM lease ORDER BY network, address');
  const put = ledger.db.prepare(
    `INSERT INTO lease (network, address, client_key, mac, state, expires_ms, hostname, circuit_id, remote_id)
     VALUES (@network, @address, @client_key, @mac, @state, @expires_ms, @hostname, @circuit_id, @remote_id)
     ON CONFLICT (network, address) DO UPDATE SET client_key = excluded.client_key, mac = excluded.mac,
       state = excluded.state, expires_ms = excluded.expires_ms, hostname = excluded.hostname,
       circuit_id = excluded.circuit_id, remote_id = excluded.remote_id`,
  );
  const forget = ledger.db.prepare('DELETE FROM lease WHERE network = ? AND address = ?');
  return {
    list: () => ledger.read(() => list.all().map(leaseOf)),
    commit: (leases) =>
      ledger.write(() => {
        for (const lease of leases) put.run(rowOf(lease));
      }),
    forget: (network, addresses) =>
      ledger.write(() => {
        for (const address of addresses) forget.run(network, address);
      }),
  };
}
