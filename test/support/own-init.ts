import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { writeCpio } from '../../agent/cpio.ts';

/**
 * An archive to lay behind the agent's initramfs: its `/init` knows all that the agent's own script knows, and then does
 * what `tail` says in place of enlisting.
 */
export async function initThat(tail: string): Promise<Buffer> {
  const script = await readFile(new URL('../../agent/init', import.meta.url), 'utf8');
  const end = script.indexOf('\nmount_kernel_folders\nsay ');
  assert.ok(end > 0);
  const content = Buffer.from(`${script.slice(0, end)}\nmount_kernel_folders\nread_arguments\njoin_network\n${tail}`);
  return gzipSync(writeCpio([{ kind: 'file', path: 'init', mode: 0o755, content }]));
}
