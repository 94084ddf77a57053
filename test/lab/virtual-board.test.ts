import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startBoardHost, type BoardHost } from '../../lab/board-host.ts';
import type { BoardKind } from '../../lab/board-kinds.ts';
import { labClock } from '../../lab/lab-clock.ts';
import { layLan, tool, type LabHost, type Lan } from '../../lab/netns.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { parseMac } from '../../server/core/address.ts';
import { startDnsmasq, type Dnsmasq } from '../support/dnsmasq.ts';

const PORTS = { dhcpServer: 67, dhcpClient: 68, tftp: 69 };
const KERNEL = Buffer.alloc(70_000, 'kernel ');
const INITRD = Buffer.alloc(146_800, 'initrd ');
const SOON_MS = 30_000;

function mac(text: string) {
  const parsed = parseMac(text);
  assert.ok(parsed.ok);
  return parsed.value;
}
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

describe('virtual boards against dnsmasq', function () {
  this.timeout(120_000);
  let folder: string;
  let lan: Lan;
  let host: LabHost;
  let boards: BoardHost;
  let dnsmasq: Dnsmasq;
  let http: Server;
  const heard: { url: string; from: string; authorization: string | undefined; body: string }[] = [];
  let nth = 0;

  async function file(name: string, content: Uint8Array | string): Promise<void> {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  async function board(kind: BoardKind, uboot: 'stock' | 'pxe' = 'pxe'): Promise<VirtualBoard> {
    nth += 1;
    const uuid = `daf5ab7e-f6f5-53cd-9583-3dd819d4342${String(nth)}`;
    const spec = { name: `b${String(nth)}`, kind, mac: mac(`52:54:00:99:02:0${String(nth)}`), uuid, uboot, paceMs: 0 };
    return boards.add('eth0', spec);
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-virtual-'));
    lan = await layLan('vbt0', '10.99.2.1/24');
    host = await lan.addHost('vbt-boards');
    http = createServer((asked, answer) => {
      let body = '';
      asked.setEncoding('utf8').on('data', (more: string) => {
        body += more;
      });
      asked.on('end', () => {
        const { authorization } = asked.headers;
        heard.push({ url: asked.url ?? '', from: asked.socket.remoteAddress ?? '', authorization, body });
        if (asked.method === 'POST') answer.writeHead(204).end();
        else answer.end(asked.url === '/linux' ? KERNEL : INITRD);
      });
    });
    await new Promise<void>((resolve) => http.listen(8099, '10.99.2.1', resolve));
    await file('linux', KERNEL);
    await file('initrd.gz', INITRD);
    await file('sub/bootx64.efi', Buffer.alloc(9000, 'shim'));
    await file('sub/grubx64.efi', Buffer.alloc(20_000, 'grub'));
    await file(
      'grub/grub.cfg',
      'set timeout=0\nif linux /linux quiet "two words"; then\n initrd /initrd.gz\n boot\nfi\nexit\n',
    );
    await file(
      'boot.ipxe',
      '#!ipxe\nset base http://10.99.2.1:8099\n' +
        'kernel ${base}/linux initrd=initrd.gz farrier.url=${base} farrier.token=00112233445566778899aabbccddeeff\n' +
        'initrd --name initrd.gz ${base}/initrd.gz\nboot\n',
    );
    const script = join(folder, 'boot.cmd');
    await writeFile(
      script,
      'setenv bootargs "console=ttyAMA0 from=script"\ntftpboot ${kernel_addr_r} linux && ' +
        'tftpboot ${ramdisk_addr_r} initrd.gz\nbooti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}\n',
    );
    await tool('mkimage', ['-A', 'arm64', '-T', 'script', '-C', 'none', '-d', script, join(folder, 'boot.scr.uimg')]);
    dnsmasq = await startDnsmasq(folder, { bridge: 'vbt0', prefix24: '10.99.2' }, [
      'dhcp-broadcast',
      'dhcp-match=set:x64,option:client-arch,7',
      'dhcp-match=set:bios,option:client-arch,0',
      'dhcp-boot=tag:x64,sub/bootx64.efi',
      'dhcp-boot=tag:bios,boot.ipxe',
    ]);
    boards = await startBoardHost((command, args, options) => host.spawn(command, args, options), labClock());
    await boards.plug({ device: 'eth0', ports: PORTS, addresses: 'shared' });
  });
  after(async () => {
    http.close();
    http.closeAllConnections();
    await dnsmasq.stop();
    await boards.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  it('u-boot with a saved environment goes through the search order to its own configuration', async () => {
    const made = await board('uboot-arm64');
    const name = made.mac.replaceAll(':', '-');
    await file(
      `pxelinux.cfg/01-${name}`,
      'default lab\nlabel lab\n  kernel /linux\n  initrd initrd.gz\n  append quiet x=1\n  ipappend 2\n',
    );
    await made.powerOn();
    const report = await made.reaches(['system'], 2 * SOON_MS);
    assert.equal(report.args, `quiet x=1 BOOTIF=01-${name}`);
    const got = report.log.filter((entry) => entry.what === 'tftp' && entry.octets !== undefined);
    assert.deepEqual(
      got.slice(1).map((entry) => [entry.words, entry.octets, entry.sha256]),
      [
        ['initrd.gz', INITRD.length, sha256(INITRD)],
        ['/linux', KERNEL.length, sha256(KERNEL)],
      ],
    );
    await dnsmasq.sees(/vendor class: U-Boot\.armv8/, SOON_MS);
  });

  it('stock u-boot runs the script that mkimage made', async () => {
    const made = await board('uboot-armhf', 'stock');
    await made.powerOn();
    const report = await made.reaches(['system'], 2 * SOON_MS);
    assert.equal(report.args, 'console=ttyAMA0 from=script');
    await dnsmasq.sees(/vendor class: U-Boot\.armv7/, SOON_MS);
  });

  it('UEFI probes, fetches shim and grub beside each other, and follows grub.cfg', async () => {
    const made = await board('uefi-x64');
    await made.powerOn();
    const report = await made.reaches(['system'], 2 * SOON_MS);
    assert.equal(report.args, 'BOOT_IMAGE=/linux quiet two words');
    const asked = report.log.filter((entry) => entry.what === 'tftp').map((entry) => entry.words.split(':')[0]);
    assert.deepEqual(
      asked.filter((path) => path?.endsWith('.efi')),
      ['bootx64', 'revocations_sku', 'revocations_sbat', 'shim_certificate_0', 'grubx64'].map((x) => `sub/${x}.efi`),
    );
    await dnsmasq.sees(/vendor class: PXEClient:Arch:00007:UNDI:003000/, SOON_MS);
  });

  it('iPXE loads over HTTP from its own address, and its agent reports steps and facts with the token', async () => {
    const made = await board('bios-ipxe');
    await made.powerOn();
    const report = await made.reaches(['agent'], 2 * SOON_MS);
    const posts = heard.filter((each) => each.url.startsWith('/agent/'));
    assert.deepEqual(
      posts.map((each) => each.url),
      ['/agent/v1/step', '/agent/v1/step', '/agent/v1/facts'],
    );
    assert.ok(posts.every((each) => each.authorization === 'Bearer 00112233445566778899aabbccddeeff'));
    const { address = 0 } = report;
    const dotted = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
    assert.deepEqual([...new Set(heard.map((each) => each.from))], [dotted]);
    const facts = JSON.parse(posts[2]?.body ?? '') as Record<string, string>;
    const text = (name: string): string => Buffer.from(facts[`${name}.b64`] ?? '', 'base64').toString();
    assert.ok(text('net').includes(`/sys/class/net/eth0/address:${made.mac}`));
    assert.equal(text('cmdline').trim(), report.args);
  });

  it('power off ends a boot at once and gives the address back', async () => {
    const made = await board('uefi-x64');
    await made.powerOn();
    await made.reaches(['kernel', 'system'], 2 * SOON_MS);
    await made.powerOff();
    assert.equal(made.report().stage, 'off');
    assert.equal(made.report().address, undefined);
    const { stdout } = await host.exec('ip', ['-4', '-o', 'addr', 'show', 'eth0']);
    const left = made.report().log.flatMap(({ words }) => /^has (\S+),/.exec(words)?.[1] ?? []);
    for (const address of left) assert.doesNotMatch(stdout, new RegExp(`inet ${address}/`));
    const entries = made.report().log.length;
    await made.powerOn();
    await made.powerOff();
    assert.ok(made.report().log.length > entries);
  });
});
