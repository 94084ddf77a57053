import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { openArtefactFolder } from '../files/artefact-folder.ts';
import { openVault } from '../files/vault.ts';
import type { ArtefactHeads, Artefacts } from '../ports/artefacts.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Rng } from '../ports/rng.ts';
import type { Store } from '../ports/store.ts';
import type { Vault } from '../ports/vault.ts';
import { consoleSecretContext } from '../services/console-open.ts';
import { secretContext } from '../services/power-secrets.ts';
import { openStore } from '../store/sqlite/open.ts';

/** What Farrier remembers: the database, the artefacts and the key of the secrets. */
export interface Memory {
  readonly store: Store;
  readonly vault: Vault;
  readonly artefacts: Artefacts & ArtefactHeads;
}

/** Opens all of it, or refuses with one clear line and changes nothing. @throws StoreRefused @throws VaultError */
export async function openMemory(
  config: Pick<Config, 'dataDir' | 'keyFile'>,
  edges: { readonly clock: Clock; readonly rng: Rng; readonly log: Log },
): Promise<Memory> {
  const store = await openStore({ file: join(config.dataDir, 'farrier.db'), clock: edges.clock, log: edges.log });
  try {
    const sample = await anySecret(store);
    const vault = openVault({
      keyFile: config.keyFile,
      sealedRowsExist: sample !== undefined || (await store.secrets.count()) > 0,
      sample,
      rng: edges.rng,
    });
    return { store, vault, artefacts: await openArtefactFolder({ dataDir: config.dataDir, clock: edges.clock }) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function anySecret(store: Store): Promise<{ sealed: string; context: string } | undefined> {
  for (const { machine } of await store.consoles.list())
    for (const [field, sealed] of await store.consoles.secretsOf(machine))
      return { sealed, context: consoleSecretContext(machine, field) };
  for (const machine of await store.machines.list())
    for (const [field, sealed] of await store.secrets.ofMachine(machine.id))
      return { sealed, context: secretContext(machine.id, field) };
  return undefined;
}
