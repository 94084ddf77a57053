import { strict as assert } from 'node:assert';
import { requesterOf, type Requester } from '../../server/core/requester.ts';

type Signs = Parameters<typeof requesterOf>[0];
const signs = (change: Partial<Signs>): Signs => ({
  clientArch: undefined,
  userClass: undefined,
  systemUuid: undefined,
  ...change,
});

const cases: readonly (readonly [string, Partial<Signs>, Partial<Requester>])[] = [
  ['u-boot arm64', { clientArch: 22 }, { loader: 'u-boot', arch: 'arm64', isUbootEfiStep: false }],
  ['u-boot armhf', { clientArch: 21 }, { loader: 'u-boot', arch: 'armhf' }],
  ['UEFI arm64 has a UUID', { clientArch: 11, systemUuid: 'u' }, { loader: 'uefi', isUbootEfiStep: false }],
  [
    "u-boot's EFI step has none",
    { clientArch: 11 },
    { loader: 'u-boot', arch: 'arm64', clientArch: 22, isUbootEfiStep: true },
  ],
  [
    "u-boot's EFI step on armhf",
    { clientArch: 10 },
    { loader: 'u-boot', arch: 'armhf', clientArch: 21, isUbootEfiStep: true },
  ],
  [
    'iPXE on arm64 is not that step',
    { clientArch: 11, userClass: 'iPXE' },
    { loader: 'ipxe', arch: 'arm64', isUbootEfiStep: false },
  ],
  [
    'iPXE keeps the number of the firmware under it',
    { clientArch: 7, userClass: 'iPXE', systemUuid: 'u' },
    { loader: 'ipxe', arch: 'amd64', clientArch: 7 },
  ],
  ['iPXE with the length octet of RFC 3004', { clientArch: 0, userClass: '\u0004iPXE' }, { loader: 'ipxe' }],
  [
    'what the caller knows wins',
    { clientArch: 7, systemUuid: 'u', loader: 'grub', arch: 'i386' },
    { loader: 'grub', arch: 'i386' },
  ],
  ['a number nobody knows', { clientArch: 500 }, { loader: undefined, arch: undefined, clientArch: 500 }],
  ['nothing at all', {}, { loader: undefined, arch: undefined, clientArch: undefined }],
];

describe('requesterOf', () => {
  for (const [title, change, want] of cases)
    it(title, () => {
      const found = requesterOf(signs(change));
      assert.deepEqual({ ...found, ...want }, found);
    });
});
