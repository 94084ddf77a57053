import type { ParameterDeclaration, ParameterWord } from './parameter.ts';

type Shipped = Pick<ParameterDeclaration, 'name' | 'type' | 'meaning'> &
  Partial<Omit<ParameterDeclaration, 'word' | 'by'>> & { readonly word?: Partial<ParameterWord> };

const SHIPPED: readonly Shipped[] = [
  {
    name: 'boot.target',
    type: 'choice',
    choices: ['bundle', 'agent', 'local-disk'],
    reach: 'plan',
    meaning: 'What boots in place of what the state says: the assigned bundle, the agent, or the own disk.',
  },
  {
    name: 'debug.verbose',
    type: 'flag',
    word: { agent: 'ignore_loglevel farrier.verbose', bundle: 'ignore_loglevel' },
    reach: 'kernel',
    meaning: 'Every kernel message goes to the console, whatever the log level says.',
  },
  {
    name: 'debug.trace',
    type: 'flag',
    word: { agent: 'farrier.trace', bundle: 'debug' },
    reach: 'kernel',
    meaning: "The initrd's own script shows each command: the agent on the console, initramfs-tools in /run/initramfs.",
  },
  {
    name: 'debug.shell-before',
    type: 'flag',
    word: { agent: 'farrier.shell-before', bundle: 'rd.break=pre-mount break=premount' },
    reach: 'kernel',
    meaning: 'A shell on the console before the initrd does its work; it goes on when the shell ends.',
  },
  {
    name: 'debug.shell-after',
    type: 'flag',
    word: { agent: 'farrier.shell-after', bundle: 'rd.break=cleanup break=init' },
    reach: 'kernel',
    meaning:
      'A shell on the console after the initrd did its work. Without effect where debug.shell-before stands too.',
  },
  {
    name: 'debug.ssh',
    type: 'flag',
    word: { agent: 'farrier.ssh' },
    reach: 'agent',
    meaning: 'The agent lets the holders of ssh.authorized-keys log in as root. It needs an agent built with dropbear.',
  },
  {
    name: 'debug.stay',
    type: 'flag',
    word: { agent: 'farrier.stay' },
    reach: 'agent',
    meaning: 'The agent waits for ever in place of restarting when nobody has an order for it.',
  },
  {
    name: 'debug.no-signal',
    type: 'flag',
    word: { agent: 'farrier.no-signal' },
    reach: 'agent',
    meaning: 'The agent joins the network and tells nothing: no steps, no facts.',
  },
  {
    name: 'debug.no-time',
    type: 'flag',
    word: { agent: 'farrier.no-time' },
    reach: 'agent',
    meaning: "The agent leaves the machine's clock as it found it, in place of taking the server's time.",
  },
  {
    name: 'debug.hold-on-panic',
    type: 'flag',
    word: { agent: 'panic=0', bundle: 'panic=0' },
    reach: 'kernel',
    meaning: 'A kernel that panics stands still with its last words on the console, in place of restarting.',
  },
  {
    name: 'debug.early-console',
    type: 'flag',
    word: { agent: 'earlycon keep_bootcon', bundle: 'earlycon keep_bootcon' },
    reach: 'kernel',
    meaning: "The kernel speaks before its drivers do, on the console that the firmware's tables name.",
  },
  {
    name: 'debug.initcalls',
    type: 'flag',
    word: { agent: 'initcall_debug', bundle: 'initcall_debug' },
    reach: 'kernel',
    meaning: 'The kernel names each driver as it starts it: the last one named is where it hangs.',
  },
  {
    name: 'agent.idle-minutes',
    type: 'number',
    unit: 'minutes',
    min: 1,
    max: 10_080,
    default: 30,
    word: { agent: 'farrier.idle-minutes' },
    reach: 'agent',
    meaning: 'For how long an agent that nobody has an order for waits before it restarts the machine.',
  },
  {
    name: 'bmc.own-user',
    type: 'flag',
    reach: 'metadata',
    meaning:
      'The agent makes a user "farrier" with a random password in the machine\'s BMC, and Farrier switches it by that. It needs an agent built with ipmitool.',
  },
  {
    name: 'kernel.loglevel',
    type: 'number',
    min: 0,
    max: 15,
    word: { agent: 'loglevel', bundle: 'loglevel' },
    reach: 'kernel',
    meaning: 'Kernel messages below this level go to the console (7: all but debugging).',
  },
  {
    name: 'kernel.console',
    type: 'words',
    word: { agent: 'console', bundle: 'console' },
    reach: 'kernel',
    meaning: 'Consoles beside the board’s own; the last one is what /dev/console is.',
  },
  {
    name: 'kernel.root',
    type: 'text',
    word: { bundle: 'root' },
    reach: 'kernel',
    meaning: 'What a bundle mounts as its root: /dev/vda1, UUID=…, PARTUUID=…, /dev/nfs.',
  },
  {
    name: 'ssh.authorized-keys',
    type: 'words',
    reach: 'metadata',
    meaning: 'Public keys, as in authorized_keys, one an entry.',
  },
];

/** The parameters Farrier ships with, by name. */
export const PARAMETER_CATALOGUE: readonly ParameterDeclaration[] = SHIPPED.map((shipped) => ({
  unit: undefined,
  choices: [],
  min: undefined,
  max: undefined,
  default: shipped.type === 'flag' ? false : undefined,
  reach: 'metadata',
  by: 'farrier',
  ...shipped,
  word: { agent: shipped.word?.agent, bundle: shipped.word?.bundle },
}));
