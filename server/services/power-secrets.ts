import type { Machine, MachineId } from '../core/machine.ts';
import type { FieldValues } from '../core/field.ts';
import { PowerError } from '../ports/power-driver.ts';
import type { SecretStore } from '../ports/store.ts';
import { VaultError, type Vault } from '../ports/vault.ts';
import { createRedact, type Redact } from './power-redact.ts';

/** What a sealed secret is bound to: seal and open a power secret with this context. */
export function secretContext(machine: MachineId, field: string): string {
  return `${machine}/${field}`;
}

/** All parameters of a machine's power setting with its secrets in place, and what hides those again. */
export interface OpenedSetting {
  readonly parameters: FieldValues;
  readonly redact: Redact;
}

/** Puts a machine's secrets into its parameters, for the driver alone. Throws `config` when one does not open. */
export async function openSetting(
  machine: Machine,
  fields: readonly string[],
  parts: { readonly secrets: Pick<SecretStore, 'ofMachine'>; readonly vault: Pick<Vault, 'open'> },
): Promise<OpenedSetting> {
  const opened: Record<string, string> = {};
  for (const [field, sealed] of await parts.secrets.ofMachine(machine.id)) {
    // A secret of an earlier driver may still be there; this one has not declared it.
    if (!fields.includes(field)) continue;
    try {
      opened[field] = parts.vault.open(sealed, secretContext(machine.id, field));
    } catch (cause) {
      if (!(cause instanceof VaultError)) throw cause;
      throw new PowerError('config', `the secret "${field}" of ${machine.name} does not open; enter it again`, {
        cause,
      });
    }
  }
  return { parameters: { ...machine.power?.parameters, ...opened }, redact: createRedact(Object.values(opened)) };
}
