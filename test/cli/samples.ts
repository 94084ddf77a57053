/** A machine as the API tells it. */
export const board01 = {
  id: 'm-abcdefghij',
  rev: 3,
  name: 'board-01',
  state: 'ready',
  macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'],
  arch: 'arm64',
  board: null,
  boardName: 'qemu-virt-arm64',
  recognised: { board: 'qemu-virt-arm64', evidence: ['option 93 is 11'] },
  network: 'rack1',
  address: '10.77.0.100',
  extraArgs: ['panic=30'],
  power: { driver: 'ipmi', parameters: { host: '10.0.0.7' } },
  powerSeen: { state: 'on', atMs: 1_000 },
  lastEvent: { id: 7, atMs: 2_000, text: 'facts arrived' },
  lawful: ['deploy', 'abort'],
  seenMs: 3_000,
  createdMs: 0,
};

/** The same without what is null in it, as JSON leaves it out. */
export const machine01: Record<string, unknown> = Object.fromEntries(
  Object.entries(board01).filter(([, value]) => value !== null),
);

export const machine02 = {
  ...machine01,
  id: 'm-2',
  name: 'board-02',
  state: 'new',
  address: undefined,
  failed: 'late',
};

/** A driver with a field of each kind. */
export const ipmiDriver = {
  name: 'ipmi',
  summary: 'IPMI 2.0 over LAN',
  abilities: ['on', 'off', 'status'],
  fields: {
    host: { kind: 'host', label: 'BMC address', scope: 'controller', required: true },
    port: { kind: 'port', label: 'Port', scope: 'controller', required: false, default: 623 },
    username: { kind: 'text', label: 'User', scope: 'controller', required: true },
    password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
    kg: { kind: 'secret', label: 'BMC key', scope: 'controller', required: false },
  },
};

export const bundle = {
  name: 'debian-12',
  version: '1',
  arch: 'arm64',
  role: 'system',
  kernel: { name: 'linux', sha256: 'a'.repeat(64), octets: 10 },
  initrd: { name: 'initrd.gz', sha256: 'b'.repeat(64), octets: 20 },
  kernelArgs: ['quiet'],
  loaders: [],
  source: 'Debian',
  createdMs: 0,
};

export const explanation = {
  subject: 'board-01',
  network: 'rack1',
  board: { name: 'qemu-virt-arm64', file: 'dtbs/qemu-virt-arm64/board.yaml' },
  evidence: ['option 93 is 11'],
  dhcp: ['siaddr 10.77.0.1', 'file "grubaa64.efi"'],
  plan: {
    do: 'refuse',
    because: 'kernel arguments need 300 octets, u-boot holds 255',
    remedy: 'shorten "extraArgs" by 45',
    args: {
      words: [
        { word: 'quiet', origin: 'bundle' },
        { word: 'panic=30', origin: 'machine' },
      ],
      text: 'quiet panic=30',
      limits: [{ layer: 'u-boot', octets: 300, octetsMax: 255 }],
    },
  },
  files: [{ path: 'grub.cfg', octets: 5, sha256: 'c'.repeat(64), text: 'line one\nline \u001btwo' }],
};
