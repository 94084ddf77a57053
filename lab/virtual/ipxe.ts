import { formatIpv4 } from '../../server/core/address.ts';
import type { BootOrder } from '../boot-text/boot-order.ts';
import { parseIpxeScript } from '../boot-text/ipxe-script.ts';
import { ipxeIdentity } from './dhcp-identity.ts';
import { BootFailed, type BoardLease, type Hands, type Handover, type TftpHabit } from './hands.ts';

const HABIT: TftpHabit = { options: { blksize: '1432', tsize: '0' } };
const HEADERS = { 'User-Agent': 'iPXE/1.0.0+git-20190125' };
const CHAINS_MAX = 4;

/** iPXE, in the ROM under SeaBIOS (0) or started by UEFI (7, 11): the script over TFTP, what it names over HTTP. */
export async function ipxe(hands: Hands, clientArch: 0 | 7 | 11 = 0): Promise<Handover> {
  const lease = await hands.lease(ipxeIdentity(hands.spec.mac, hands.spec.uuid, clientArch));
  if (lease.file === '') throw new BootFailed('Nothing to boot: No such file or directory (http://ipxe.org/2d03e13b)');
  const order = await followChain(hands, lease, lease.file);
  if (order.do !== 'boot') return { to: 'local-disk' };
  const load = (url: string): Promise<Uint8Array> => fetchUrl(hands, url);
  const kernel = await load(order.kernel);
  const [initrdUrl] = order.initrds;
  const initrd = initrdUrl === undefined ? undefined : await load(initrdUrl);
  return { to: 'system', started: { kernel, initrd, dtb: undefined, args: order.args } };
}

async function followChain(hands: Hands, lease: BoardLease, first: string): Promise<BootOrder> {
  const settings = {
    'net0/mac': hands.spec.mac,
    mac: hands.spec.mac,
    uuid: hands.spec.uuid,
    'net0/ip': formatIpv4(lease.address),
    'next-server': formatIpv4(lease.siaddr),
  };
  let url = first;
  for (let chains = 0; chains <= CHAINS_MAX; chains += 1) {
    const script = await fetchUrl(hands, url);
    const order = parseIpxeScript(new TextDecoder().decode(script), settings);
    if (!order.ok) throw new BootFailed(order.error);
    if (order.value.do !== 'chain') return order.value;
    url = order.value.to;
  }
  throw new BootFailed(`more than ${String(CHAINS_MAX)} scripts in a chain`);
}

/** A plain name and `tftp://` go by TFTP from `siaddr`, `http://` by HTTP. */
async function fetchUrl(hands: Hands, url: string): Promise<Uint8Array> {
  if (url.startsWith('http://')) {
    const answer = await hands.http({ method: 'GET', url, headers: HEADERS, body: undefined });
    if (answer.status === 200) return answer.body;
    throw new BootFailed(`${url}: HTTP ${String(answer.status)}`);
  }
  const octets = await hands.tftp(url.replace(/^tftp:\/\/[^/]*\//, ''), HABIT);
  if (!octets) throw new BootFailed(`${url}: No such file or directory`);
  return octets;
}
