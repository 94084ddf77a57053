import type { Board } from './board.ts';

/** The order in which origins stand in the arguments: a later word wins where the kernel lets the last one win. */
const ARG_ORIGINS = ['site', 'network', 'bundle', 'board', 'machine', 'once', 'boot'] as const;
/** Where a kernel-argument word comes from; `once` is a parameter set for this boot only. */
export type ArgOrigin = (typeof ARG_ORIGINS)[number];

/** One word of the kernel arguments. */
export interface KernelArg {
  readonly word: string;
  readonly origin: ArgOrigin;
  /** The parameter whose value it is. */
  readonly parameter?: string;
}

/** A limit of one layer that the arguments are measured against. */
export interface ArgLimit {
  readonly layer: string;
  /** Octets as that layer will hold them. */
  readonly octets: number;
  readonly octetsMax: number;
  /** Set where the two figures count words, not octets. */
  readonly unit?: 'words';
}

/** The composed arguments and how they measure. */
export interface ArgMeasure {
  readonly words: readonly KernelArg[];
  /** Words joined by single blanks, before any format's escaping. */
  readonly text: string;
  readonly limits: readonly ArgLimit[];
}

/** The layers the arguments must pass. */
export interface ArgRoom {
  /** Of the loader, in words: `u-boot's extlinux buffer on "apm-mustang"`. */
  readonly loaderLayer: string;
  readonly loaderOctetsMax: number;
  readonly kernelOctetsMax: number;
  /** What the loader puts before the words, its blank included: GRUB's `BOOT_IMAGE=/boot/… `. */
  readonly prefix: string;
  /** Octets more that escaping costs inside the loader's buffer. */
  readonly escapeOctets: number;
}

/** Words a kernel that does not know them keeps for init; measured on Debian's 6.1: 32 of them panic it unheard. */
const UNKNOWN_WORDS_MAX = 31;

/** `name=value` words without a dot that Linux itself takes on the architectures Farrier boots (kernel-parameters.txt). */
const KERNEL_NAMES: ReadonlySet<string> = new Set(
  `acpi acpi_enforce_resources apparmor audit blacklist bootmem_debug cgroup_disable clk_ignore_unused clocksource cma
  coherent_pool console cpuidle_sysfs_switch crashkernel cryptomgr debug default_hugepagesz dma_debug earlycon
  earlyprintk edd efi elevator fips hugepages hugepagesz hpet hung_task_panic idle ima_appraise ima_policy init initcall_blacklist
  initrd intel_idle intel_iommu intel_pstate io_delay iommu ip irqaffinity isolcpus kasan keepinitrd kgdboc
  kmemleak libata log_buf_len loglevel lpj lsm maxcpus mce mem memmap memory_hotplug mitigations mminit_loglevel
  mtdparts nfsaddrs nfsroot nmi_watchdog no_console_suspend nohz nohz_full noirqdebug norandmaps nosmt nr_cpus numa
  numa_balancing oops panic panic_on_warn pci pcie_aspm pcie_ports pnp possible_cpus preempt print_fatal_signals
  printk_time processor profile pti quiet ramdisk_size random rcu_nocbs reboot relax_domain_level reserve resume
  resume_offset rdinit retbleed ro root rootdelay rootflags rootfstype rootwait rw security selinux smt
  spectre_v2 stack_guard_gap swiotlb sysrq_always_enabled thermal tp_printk trace_buf_size trace_event
  transparent_hugepage tsc udbg-immortal usbcore usbhid vdso video vga vmalloc watchdog_thresh workqueue
  x2apic zswap`.split(/\s+/),
);

/** Octets of a text in UTF-8, which is what loaders and the kernel count. */
export function octetsOf(text: string): number {
  let octets = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    octets += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return octets;
}

/**
 * Why a word can be no kernel argument in any format, or nothing when it can. A kernel knows one quote, `"`, and no
 * escapes, so a blank must stand between two of them.
 */
export function faultOfWord(word: string): string | undefined {
  if (word === '') return 'it is empty';
  if (/\p{Cc}/u.test(word)) return 'it holds a control character';
  if (!isWellSpoken(word)) return 'it holds a character that is no plain text';
  const parts = word.split('"');
  if (parts.length % 2 === 0) return 'its double quotes do not pair';
  if (parts.some((part, index) => index % 2 === 0 && part.includes(' ')))
    return 'it holds a blank outside double quotes; write two words, or name="a value"';
  return undefined;
}

/** Whether a text is plain: no control characters, no line separators, no half of a surrogate pair. */
export function isWellSpoken(text: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text);
}

/** The words of all origins and of parameters, in their lasting order; of one origin the parameters' words come last. */
export function composeArgs(
  parts: Readonly<Partial<Record<ArgOrigin, readonly string[]>>>,
  parameterWords: readonly KernelArg[] = [],
): readonly KernelArg[] {
  return ARG_ORIGINS.flatMap((origin) => [
    ...(parts[origin] ?? []).map((word): KernelArg => ({ word, origin })),
    ...parameterWords.filter((each) => each.origin === origin),
  ]);
}

/** The words a board brings: its own, then where its console is. */
export function boardArgs(board: Pick<Board, 'kernelArgs' | 'console' | 'earlycon'>): readonly string[] {
  const { console: line, earlycon } = board;
  const baud = line?.baud === undefined ? '' : `,${line.baud}`;
  return [
    ...board.kernelArgs,
    ...(line ? [`console=${line.device}${baud}`] : []),
    ...(earlycon === undefined ? [] : [`earlycon=${earlycon}`]),
  ];
}

/** How many different environment words the kernel would keep for init (`init/main.c`, `unknown_bootoption`). */
export function unknownWords(words: readonly string[]): number {
  const end = words.indexOf('--');
  const names = (end < 0 ? words : words.slice(0, end))
    .filter((word) => word.includes('='))
    .map((word) => word.slice(0, word.indexOf('=')).replaceAll('-', '_'));
  return new Set(names.filter((name) => !name.includes('.') && !KERNEL_NAMES.has(name))).size;
}

/** Measures words against every layer they must pass. Octets exclude the closing NUL, as the limits do. */
export function measureArgs(words: readonly KernelArg[], room: ArgRoom): ArgMeasure {
  const text = words.map((each) => each.word).join(' ');
  const octets = octetsOf(room.prefix + text);
  const loader = { layer: room.loaderLayer, octets: octets + room.escapeOctets, octetsMax: room.loaderOctetsMax };
  const kernel = { layer: 'the kernel', octets, octetsMax: room.kernelOctetsMax };
  const seen = [...room.prefix.split(' '), ...words.map((each) => each.word)];
  const unknown = {
    layer: "the kernel's list of name=value words it does not know",
    octets: unknownWords(seen),
    octetsMax: UNKNOWN_WORDS_MAX,
    unit: 'words',
  } as const;
  return { words, text, limits: [loader, kernel, unknown] };
}

/** The limits that are passed, worst first. */
export function passedLimits(measure: ArgMeasure): readonly ArgLimit[] {
  const over = (limit: ArgLimit): number => limit.octets - limit.octetsMax;
  return measure.limits.filter((limit) => over(limit) > 0).sort((a, b) => over(b) - over(a));
}

/**
 * The words that cost most, in words: `farrier.token=… (46, boot)`. Values are left out: they may be secret, and an
 * operator finds a word by its name.
 */
export function costliest(measure: ArgMeasure, count: number): readonly string[] {
  return [...measure.words]
    .sort((a, b) => octetsOf(b.word) - octetsOf(a.word))
    .slice(0, count)
    .map(({ word, origin }) => {
      const at = word.indexOf('=');
      const shown = at < 0 ? word.slice(0, 40) : `${word.slice(0, Math.min(at, 40))}=…`;
      return `${shown} (${octetsOf(word)}, ${origin})`;
    });
}
