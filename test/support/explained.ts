import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { memberOf, type SocketApi } from '../../lab/socket-api.ts';
import { formatIpv4, macOf, type Mac } from '../../server/core/address.ts';
import { optionLine } from '../../server/net/dhcp-explain.ts';
import { BOOTREPLY, decodeMessage, messageType, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import { buildScriptImage } from '../../server/wire/uboot/legacy-image.ts';
import { listOf } from './farrier-process.ts';

/** Where a frame's UDP payload begins, and the headers of a classic capture file and of its records. */
const [PAYLOAD_AT, FILE_HEADER, RECORD_HEADER] = [14 + 20 + 8, 24, 16];
/** `explain` shows this for the token of the boot, which does not exist yet. */
const NO_TOKEN = '0'.repeat(32);

interface Told {
  readonly path: string;
  readonly octets: number;
  readonly sha256: string;
}

/** The DHCP ACKs to one board in a capture of UDP frames, as it grows. */
export function acksIn(capture: Uint8Array, mac: Mac): readonly DhcpMessage[] {
  const view = new DataView(capture.buffer, capture.byteOffset, capture.byteLength);
  const acks: DhcpMessage[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= capture.length;) {
    const end = at + RECORD_HEADER + view.getUint32(at + 8, true);
    if (end > capture.length) break;
    const message = decodeMessage(capture.subarray(at + RECORD_HEADER + PAYLOAD_AT, end));
    if (message.ok && message.value.op === BOOTREPLY && macOf(message.value.chaddr.subarray(0, 6)) === mac)
      if (messageType(message.value.options) === 'ACK') acks.push(message.value);
    at = end;
  }
  return acks;
}

/** An ACK in the words of `explain`. */
export function ackLines(ack: DhcpMessage): readonly string[] {
  return [
    `yiaddr ${formatIpv4(ack.yiaddr)}`,
    `siaddr ${formatIpv4(ack.siaddr)}`,
    ...(ack.sname === '' ? [] : [`sname "${ack.sname}"`]),
    ...(ack.file === '' ? [] : [`file "${ack.file}"`]),
    ...[...ack.options].map(optionLine),
  ];
}

/** Every file of a boot that went out whole, as its timeline has them; a file that was asked for twice stands once. */
export async function filesServed(api: SocketApi, mac: Mac): Promise<readonly Told[]> {
  const timeline = await api.must('GET', `/api/v1/machines/${mac}/timeline`);
  const boot = memberOf(listOf(timeline, 'boots')[0], 'id');
  const files = listOf(timeline, 'events').flatMap((event) => {
    const detail = memberOf(event, 'detail');
    const sha256 = memberOf(detail, 'sha256');
    const octets = Number(memberOf(detail, 'octets'));
    if (memberOf(event, 'boot') !== boot || typeof sha256 !== 'string') return [];
    if (memberOf(detail, 'outcome') !== 'done' || octets === 0) return [];
    return [{ path: String(memberOf(detail, 'path')).replace(/^\//, ''), octets, sha256 }];
  });
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

/** What an explanation says of its files, once the token of the boot is known; nothing where the bundle gets none. */
export function filesTold(explained: unknown, token: string | undefined): readonly Told[] {
  return listOf(explained, 'files').map((file) => {
    const path = String(memberOf(file, 'path')).replace(/^\//, '');
    const text = memberOf(file, 'text');
    const octets = typeof text === 'string' ? octetsOf(path, text, token ?? NO_TOKEN) : undefined;
    if (!octets) return { path, octets: Number(memberOf(file, 'octets')), sha256: String(memberOf(file, 'sha256')) };
    return { path, octets: octets.length, sha256: createHash('sha256').update(octets).digest('hex') };
  });
}

function octetsOf(path: string, text: string, token: string): Uint8Array {
  const whole = text.replaceAll(NO_TOKEN, token);
  if (path !== 'boot.scr.uimg') return new TextEncoder().encode(whole);
  const arch = text.includes('booti ') ? 'arm64' : 'armhf';
  return buildScriptImage(whole, { arch, name: 'Farrier', madeAtS: 0 });
}

/** Holds an explanation against the boot that followed it: the DHCP answer line by line, each file octet by octet. */
export async function assertExplained(
  explained: unknown,
  boot: { readonly api: SocketApi; readonly mac: Mac; readonly ack: DhcpMessage | undefined; readonly serial: string },
): Promise<void> {
  assert.ok(boot.ack, 'the boot had an ACK');
  const [told, given] = [listOf(explained, 'dhcp'), ackLines(boot.ack)];
  // A machine that has no lease yet is told so in words; the pool decides when it asks.
  const isOpen = told[0] === 'yiaddr the next free address of the pool';
  assert.deepEqual(isOpen ? [given[0], ...told.slice(1)] : told, given);
  const token = /farrier\.token=([0-9a-f]{32})/.exec(boot.serial)?.[1];
  const [files, served] = [filesTold(explained, token), await filesServed(boot.api, boot.mac)];
  const byPath = (one: Told, other: Told): number => (one.path < other.path ? -1 : 1);
  // u-boot is told of a script and of pxelinux.cfg; its environment may run only one of them.
  const asked = new Set(served.map((file) => file.path));
  const due = files.filter(({ path }) => asked.has(path) || !/^(boot\.scr\.uimg$|pxelinux\.cfg\/)/.test(path));
  assert.deepEqual([...served].sort(byPath), due.sort(byPath));
}
