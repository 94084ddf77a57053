import { basename } from 'node:path';
import { artefactShape } from './bundle-view.ts';
import type { Api } from './client.ts';

/** The name a file is served under: what loaders and boot texts can carry. */
export function servedName(file: string): string {
  return basename(file)
    .replace(/[^A-Za-z0-9._+-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(-100);
}

/** Stores a file with the daemon; what comes back names it in further orders. */
export async function uploadArtefact(
  api: Api,
  file: string,
  name: string = servedName(file),
): Promise<{ readonly name: string; readonly sha256: string }> {
  const path = `/artefacts?${new URLSearchParams({ name }).toString()}`;
  const { sha256 } = await api.upload(path, file, artefactShape);
  return { name, sha256 };
}
