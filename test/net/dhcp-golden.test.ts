import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { NO_ADDRESS } from '../../server/core/address.ts';
import { decodeMessage, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import { ipv4ListOption, ipv4Option, OPT, textOption, u16Option, u32Option } from '../../server/wire/dhcp/options.ts';
import { ip, mac, network } from '../support/dhcp-lab.ts';
import { fakeLab, type FakeLab, type Reply } from '../support/fake-wire.ts';

const GOLDEN = new URL('../golden/dhcp/', import.meta.url);
const SERVER = ip('10.77.0.1');

const octetsOf = (name: string): Uint8Array =>
  Uint8Array.from(Buffer.from(readFileSync(new URL(`${name}.hex`, GOLDEN), 'utf8').replace(/\s/g, ''), 'hex'));
const read = (octets: Uint8Array): DhcpMessage => {
  const message = decodeMessage(octets);
  assert.ok(message.ok);
  return message.value;
};

/** What each firmware looks for in an answer (measured with QEMU 7.2 and Debian 12's firmware, field by field). */
interface Needs {
  readonly firmware: string;
  readonly packets: string;
  readonly file: string | undefined;
  /** Option 60 of the answer: UEFI passes over an offer that is not of its own kind. */
  readonly vendorClass: 'PXEClient' | 'HTTPClient' | undefined;
}
const HTTP_FILE = 'http://10.77.0.1:5240/boot/ipxe-amd64.efi';
const FIRMWARE: readonly Needs[] = [
  { firmware: 'SeaBIOS with an iPXE ROM', packets: 'ipxe-bios', file: 'boot.ipxe', vendorClass: 'PXEClient' },
  { firmware: 'iPXE chained on UEFI', packets: 'ipxe-uefi-arm64', file: 'boot.ipxe', vendorClass: 'PXEClient' },
  { firmware: 'UEFI x64 PXE', packets: 'uefi-x64-pxe', file: 'shimx64.efi', vendorClass: 'PXEClient' },
  { firmware: 'UEFI arm64 PXE', packets: 'uefi-arm64-pxe', file: 'shimaa64.efi', vendorClass: 'PXEClient' },
  { firmware: 'UEFI x64 HTTP', packets: 'uefi-x64-http', file: HTTP_FILE, vendorClass: 'HTTPClient' },
  { firmware: 'UEFI arm64 HTTP', packets: 'uefi-arm64-http', file: HTTP_FILE, vendorClass: 'HTTPClient' },
  { firmware: 'u-boot arm64', packets: 'uboot-arm64', file: 'boot.scr.uimg', vendorClass: undefined },
  { firmware: 'u-boot armhf', packets: 'uboot-armhf', file: 'boot.scr.uimg', vendorClass: undefined },
  { firmware: 'u-boot arm64, stock', packets: 'uboot-arm64-stock', file: 'boot.scr.uimg', vendorClass: undefined },
  { firmware: 'its EFI step', packets: 'uboot-arm64-efi-step', file: 'grubaa64.efi', vendorClass: 'PXEClient' },
  { firmware: 'u-boot 2025.01', packets: 'uboot-2025-arm64', file: 'boot.scr.uimg', vendorClass: undefined },
  { firmware: 'busybox udhcpc', packets: 'busybox-udhcpc', file: undefined, vendorClass: undefined },
];

describe('net: the exchanges of real firmware, answered', () => {
  let lab: FakeLab;
  beforeEach(async () => {
    lab = await fakeLab([network()]);
  });
  afterEach(() => lab.listener.close());

  it('every captured packet is in an exchange', () => {
    const packets = readdirSync(GOLDEN).filter((name) => name.endsWith('.hex'));
    const used = FIRMWARE.flatMap((each) => [`${each.packets}-discover.hex`, `${each.packets}-request.hex`]);
    assert.deepEqual(packets.sort(), used.sort());
  });

  for (const needs of FIRMWARE)
    it(`A5 A8 A11 B11 C3 D8 D21 F6 ${needs.firmware} gets what it needs, twice the same`, async () => {
      const [discover, request] = [octetsOf(`${needs.packets}-discover`), octetsOf(`${needs.packets}-request`)];
      const asked = read(request);
      const wanted = ipv4Option(asked.options, OPT.requestedAddress);
      assert.ok(wanted);
      lab.advisor.reserve('rack1', mac(Buffer.from(asked.chaddr.subarray(0, 6)).toString('hex')), wanted);
      lab.advisor.file = needs.file;
      const offer = await lab.ask(discover);
      checkAnswer(offer, read(discover), needs, wanted);
      assert.deepEqual((await lab.ask(discover))?.octets, offer?.octets, 'a retransmitted DISCOVER');
      const ack = await lab.ask(request);
      checkAnswer(ack, asked, needs, wanted);
      assert.deepEqual((await lab.ask(request))?.octets, ack?.octets, 'a retransmitted REQUEST');
      assert.deepEqual([offer?.type, ack?.type], ['OFFER', 'ACK']);
      checkAgree(offer, ack);
    });
});

function checkAnswer(reply: Reply | undefined, asked: DhcpMessage, needs: Needs, wanted: number): void {
  assert.ok(reply);
  const { message, octets } = reply;
  const { options } = message;
  for (const name of ['htype', 'hlen', 'xid', 'flags', 'giaddr'] as const)
    assert.equal(message[name], asked[name], name);
  assert.deepEqual(message.chaddr, asked.chaddr);
  assert.deepEqual([message.op, message.hops, message.secs, message.ciaddr], [2, 0, 0, NO_ADDRESS]);
  assert.deepEqual([message.yiaddr, message.siaddr, message.file], [wanted, SERVER, needs.file ?? '']);
  assert.deepEqual(reply.to, { address: ip('255.255.255.255'), port: 68 }, 'broadcast, whatever the flags say');
  const limit = Math.min(Math.max(u16Option(asked.options, OPT.maxMessageSize) ?? 576, 576), 1500);
  assert.ok(octets.length >= 300 && octets.length <= limit - 28, `${octets.length} octets`);
  assert.deepEqual(
    [OPT.serverId, OPT.leaseTime, OPT.renewalTime, OPT.rebindingTime].map((code) => u32Option(options, code)),
    [SERVER, 3600, 1800, 3150],
  );
  for (const never of [OPT.requestedAddress, OPT.parameterRequestList, OPT.maxMessageSize])
    assert.equal(options.has(never), false, `option ${never}`);
  assert.deepEqual(options.get(OPT.clientId), asked.options.get(OPT.clientId));
  checkParameters(message, asked, needs);
}

/** What option 55 lists and we have is there; the boot options of its kind are there asked or not. */
function checkParameters({ options, sname }: DhcpMessage, asked: DhcpMessage, needs: Needs): void {
  const wants = new Set(asked.options.get(OPT.parameterRequestList));
  assert.equal(u32Option(options, OPT.subnetMask), ip('255.255.255.0'));
  assert.equal(ipv4Option(options, OPT.router), wants.has(OPT.router) ? ip('10.77.0.254') : undefined);
  assert.deepEqual(ipv4ListOption(options, OPT.dnsServer), wants.has(OPT.dnsServer) ? [ip('10.77.0.53')] : undefined);
  assert.equal(textOption(options, OPT.vendorClass), needs.vendorClass);
  const isPxe = needs.vendorClass === 'PXEClient';
  assert.deepEqual(options.get(OPT.vendorSpecific), isPxe ? Uint8Array.of(6, 1, 8, 255) : undefined);
  assert.deepEqual(options.get(OPT.clientUuid), needs.vendorClass ? asked.options.get(OPT.clientUuid) : undefined);
  const named = needs.file !== undefined;
  assert.equal(textOption(options, OPT.bootFileName), named && wants.has(OPT.bootFileName) ? needs.file : undefined);
  assert.equal(
    textOption(options, OPT.tftpServerName),
    named && wants.has(OPT.tftpServerName) ? '10.77.0.1' : undefined,
  );
  assert.equal(sname, named && wants.has(OPT.tftpServerName) ? '10.77.0.1' : '');
}

/** An ACK does not contradict its OFFER (RFC 2131 §4.3.2). */
function checkAgree(offer: Reply | undefined, ack: Reply | undefined): void {
  assert.ok(offer && ack);
  const shared = [...offer.message.options].filter(([code]) => code !== OPT.messageType);
  for (const [code, value] of shared) assert.deepEqual(ack.message.options.get(code), value, `option ${code}`);
}
