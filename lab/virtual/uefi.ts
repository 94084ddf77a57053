import { runGrubCfg } from '../boot-text/grub-cfg.ts';
import { uefiIdentity } from './dhcp-identity.ts';
import { ipxe } from './ipxe.ts';
import { BootFailed, type Hands, type Handover, type TftpHabit } from './hands.ts';

const PXE: TftpHabit = { options: { blksize: '1468', windowsize: '4' } };
const PXE_PROBE: TftpHabit = { options: { tsize: '0', ...PXE.options } };
const SHIM: TftpHabit = { options: { blksize: '512', windowsize: '4' } };
const GRUB: TftpHabit = { options: { blksize: '1024', tsize: '0' } };
const REVOCATIONS = ['revocations_sku.efi', 'revocations_sbat.efi', 'shim_certificate_0.efi'];
const GRUB_LISTS = ['command.lst', 'fs.lst', 'crypto.lst', 'terminal.lst'];

const FLAVOURS = {
  x64: { clientArch: 7, grub: 'grubx64.efi', platform: 'x86_64-efi' },
  arm64: { clientArch: 11, grub: 'grubaa64.efi', platform: 'arm64-efi' },
} as const;

/** UEFI's PXE, then Debian's shim 15 and grubnet 2.06, or iPXE, from the first DISCOVER to the kernel. */
export async function uefi(hands: Hands, flavour: keyof typeof FLAVOURS): Promise<Handover> {
  const { clientArch, grub, platform } = FLAVOURS[flavour];
  const lease = await hands.lease(uefiIdentity(clientArch, hands.spec.uuid));
  if (lease.file === '') throw new BootFailed('PXE-E53: No boot filename received');
  await hands.tftpProbe(lease.file, PXE_PROBE);
  const shim = await hands.tftp(lease.file, PXE);
  if (!shim) throw new BootFailed('PXE-E23: Client received TFTP error from server');
  if (/(^|\/)ipxe[^/]*$/.test(lease.file)) return ipxe(hands, clientArch);
  const folder = lease.file.slice(0, lease.file.lastIndexOf('/') + 1);
  for (const name of REVOCATIONS) await hands.tftp(folder + name, SHIM);
  if (!(await hands.tftp(folder + grub, SHIM))) throw new BootFailed(`shim: no ${folder}${grub}`);
  await hands.work();
  for (const name of GRUB_LISTS) await hands.tftp(`/grub/${platform}/${name}`, GRUB);
  const config = await hands.tftp('/grub/grub.cfg', GRUB);
  if (!config) throw new BootFailed('grub> (no /grub/grub.cfg)');
  return followGrub(hands, new TextDecoder().decode(config));
}

async function followGrub(hands: Hands, config: string): Promise<Handover> {
  const order = await runGrubCfg(config);
  if (!order.ok) throw new BootFailed(`grub> (${order.error})`);
  if (order.value.do !== 'boot') return { to: 'local-disk' };
  const load = async (path: string): Promise<Uint8Array> => {
    const octets = await hands.tftp(path, GRUB);
    if (!octets) throw new BootFailed(`error: file \`${path}' not found.`);
    return octets;
  };
  const kernel = await load(order.value.kernel);
  const [initrdPath] = order.value.initrds;
  const initrd = initrdPath === undefined ? undefined : await load(initrdPath);
  const dtb = order.value.dtb === undefined ? undefined : await load(order.value.dtb);
  return {
    to: 'system',
    started: { kernel, initrd, dtb, args: `BOOT_IMAGE=${order.value.kernel} ${order.value.args}` },
  };
}
