import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * How to start a program of this project that lies beside the asking module (`import.meta.url`), named without its
 * ending: the source through the loader we run under (`--import tsx`), or what it was built to.
 */
export function ownProgram(
  beside: string,
  name: string,
): { readonly command: string; readonly args: readonly string[] } {
  const path = fileURLToPath(new URL(`${name}${extname(fileURLToPath(beside))}`, beside));
  return { command: process.execPath, args: [...process.execArgv, path] };
}
