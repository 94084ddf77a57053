import { readRpiConfig, type RpiOrder } from '../boot-text/rpi-config.ts';
import { rpiIdentity, rpiSerial } from './dhcp-identity.ts';
import { BootFailed, type Hands, type Handover, type TftpHabit } from './hands.ts';

/** The models that boot in ways of their own. */
export type RpiModel = 3 | 4 | 5;

/** The ROM of a Raspberry Pi 3 knows no options (documentation of network boot: blocks of 512 octets, no OACK). */
const ROM: TftpHabit = { options: {} };
/** bootcode.bin, start.elf and the EEPROMs (captures in raspberrypi/rpi-eeprom issue 74). */
const FIRMWARE: TftpHabit = { options: { tsize: '0', blksize: '1024' } };
/** What the firmware itself puts before the words of cmdline.txt. */
const OWN_WORDS = 'coherent_pool=1M 8250.nr_uarts=1 vc_mem.mem_base=0x3ec00000 vc_mem.mem_size=0x40000000';
const MENU_ENTRY = 'Raspberry Pi Boot';

/** A Raspberry Pi from its first DISCOVER to its kernel, in the order public documentation and logs show. */
export async function rpi(hands: Hands, model: RpiModel): Promise<Handover> {
  await leaseWithMenu(hands, model);
  switch (model) {
    case 3:
      return bootThree(hands);
    case 4:
      return bootFour(hands);
    case 5:
      return bootFive(hands);
  }
}

/** An answer without the menu entry in option 43 is not taken. */
async function leaseWithMenu(hands: Hands, model: RpiModel): Promise<void> {
  const lease = await hands.lease(rpiIdentity(hands.spec.mac, model));
  if (!new TextDecoder('latin1').decode(lease.vendorSpecific).includes(MENU_ENTRY))
    throw new BootFailed(`the DHCP answer has no menu entry "${MENU_ENTRY}" in option 43`);
}

async function bootThree(hands: Hands): Promise<Handover> {
  if (!(await hands.tftp('bootcode.bin', ROM))) throw new BootFailed('no bootcode.bin');
  await hands.tftp('bootsig.bin', ROM);
  await leaseWithMenu(hands, 3);
  const folder = (await firmwareFolder(hands, ['start.elf'])) ?? '';
  await search(hands, folder, ['autoboot.txt', 'config.txt', 'recovery.elf']);
  await must(hands, `${folder}start.elf`);
  await must(hands, `${folder}fixup.dat`);
  await search(hands, folder, ['recovery.elf', 'config.txt', 'dt-blob.bin', 'recovery.elf']);
  return startSystem(hands, folder, { first: ['bootcfg.txt'], overlays: ['overlays/overlay_map.dtb'] });
}

async function bootFour(hands: Hands): Promise<Handover> {
  const serial = `${rpiSerial(hands.spec.mac)}/`;
  await search(hands, serial, ['config.txt', 'pieeprom.sig', 'recover4.elf', 'recovery.elf']);
  const folder = await firmwareFolder(hands, ['start4.elf', 'start.elf']);
  if (folder === undefined) throw new BootFailed('no start4.elf');
  await must(hands, `${folder}fixup4.dat`);
  return startSystem(hands, folder, { first: [], overlays: ['overlays/overlay_map.dtb'] });
}

/** All of its firmware is in the EEPROM. */
async function bootFive(hands: Hands): Promise<Handover> {
  const serial = `${rpiSerial(hands.spec.mac)}/`;
  const folder = (await hands.tftp(`${serial}config.txt`, FIRMWARE)) ? serial : '';
  const overlays = ['overlays/overlay_map.dtb', 'overlays/bcm2712d0.dtbo'];
  return startSystem(hands, folder, { first: ['pieeprom.sig'], overlays });
}

/** The folder that holds one of these files: the serial number's, else none; nothing when the files are nowhere. */
async function firmwareFolder(hands: Hands, names: readonly string[]): Promise<string | undefined> {
  for (const folder of [`${rpiSerial(hands.spec.mac)}/`, ''])
    for (const name of names) if (await hands.tftp(folder + name, FIRMWARE)) return folder;
  return undefined;
}

/** initrd, DTB, what may lie over it, config.txt once more, arguments, and the kernel last. */
async function startSystem(
  hands: Hands,
  folder: string,
  more: { readonly first: readonly string[]; readonly overlays: readonly string[] },
): Promise<Handover> {
  await search(hands, folder, more.first);
  const order = readConfig(await must(hands, `${folder}config.txt`));
  await hands.work();
  const initrd = order.initrd === undefined ? undefined : await must(hands, folder + order.initrd);
  const dtb = order.dtb === undefined ? undefined : await must(hands, folder + order.dtb);
  await search(hands, folder, [...more.overlays, 'config.txt']);
  const line = await must(hands, `${folder}cmdline.txt`);
  const kernel = await must(hands, folder + order.kernel);
  if (!dtb) throw new BootFailed('a kernel for 64 bits needs a device tree');
  const args = `${OWN_WORDS} ${new TextDecoder().decode(line).split('\n')[0] ?? ''}`;
  return { to: 'system', started: { kernel, initrd, dtb, args } };
}

function readConfig(octets: Uint8Array): RpiOrder {
  const order = readRpiConfig(new TextDecoder().decode(octets));
  if (!order.ok) throw new BootFailed(`config.txt: ${order.error}`);
  return order.value;
}

async function search(hands: Hands, folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await hands.tftp(folder + name, FIRMWARE);
}

async function must(hands: Hands, path: string): Promise<Uint8Array> {
  const octets = await hands.tftp(path, FIRMWARE);
  if (!octets || octets.length === 0) throw new BootFailed(`no ${path}`);
  return octets;
}
