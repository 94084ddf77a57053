/** A kernel module's name from its path: no folder, no `.ko` and no packing behind it, underscores for dashes. */
export function moduleName(path: string): string {
  return (path.split('/').at(-1) ?? path).replace(/\.ko(?:\.(?:gz|xz|zst))?$/, '').replaceAll('-', '_');
}

/** Whether a path is that of a kernel module, packed or not. */
export function isModulePath(path: string): boolean {
  return /\.ko(?:\.(?:gz|xz|zst))?$/.test(path);
}
