import type { ModInfo } from './modinfo.ts';

/** A module of a kernel package: its path below the modules folder (`kernel/drivers/net/virtio_net.ko`). */
export interface KernelModule extends ModInfo {
  readonly name: string;
  readonly path: string;
}

/**
 * The wanted modules and all they need, in an order in which each comes after what it needs. What a module needs but
 * the package does not have is built into the kernel.
 */
export function closeOver(
  all: ReadonlyMap<string, KernelModule>,
  wanted: (module: KernelModule) => boolean,
): readonly KernelModule[] {
  const chosen = new Map<string, KernelModule>();
  const walk = (module: KernelModule, path: readonly string[]): void => {
    if (chosen.has(module.name) || path.includes(module.name)) return;
    for (const need of needsOf(all, module)) walk(need, [...path, module.name]);
    chosen.set(module.name, module);
  };
  for (const name of [...all.keys()].sort()) {
    const module = all.get(name);
    if (module && wanted(module)) walk(module, []);
  }
  return [...chosen.values()];
}

function needsOf(all: ReadonlyMap<string, KernelModule>, module: KernelModule): readonly KernelModule[] {
  return [...module.softPre, ...module.depends].flatMap((name) => all.get(name) ?? []);
}

/** `modules.dep` (modules.dep(5)) as depmod writes it: each line names all that must be there, the first needed last. */
export function modulesDep(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const lines = modules.map((module) => {
    const needs = closeOver(byName, (each) => each.name === module.name).filter((each) => each.name !== module.name);
    return `${module.path}:${needs
      .map((each) => ` ${each.path}`)
      .reverse()
      .join('')}\n`;
  });
  return lines.join('');
}

/** `modules.alias`: which module drives which device. Patterns with blanks cannot be written and do not occur. */
export function modulesAlias(modules: readonly KernelModule[]): string {
  const lines = modules.flatMap((module) =>
    module.aliases.filter((alias) => !/\s/.test(alias)).map((alias) => `alias ${alias} ${module.name}\n`),
  );
  return lines.join('');
}
