import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The version in a project's `package.json`. */
export function versionOf(root: string): string {
  const manifest: unknown = createRequire(import.meta.url)(join(root, 'package.json'));
  const isNamed = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isNamed ? String(manifest.version) : 'unknown';
}
