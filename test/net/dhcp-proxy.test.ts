import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { formatIpv4, ipv4, NO_ADDRESS, type Ipv4 } from '../../server/core/address.ts';
import type { Network } from '../../server/core/lease.ts';
import { decodeMessage, messageType, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { ipv4Option, OPT, textOption } from '../../server/wire/dhcp/options.ts';
import { clientMessage, ip, macNo, network, relayedNetwork, text, u32 } from '../support/dhcp-lab.ts';
import { fakeLab, type FakeLab } from '../support/fake-wire.ts';
import { hostileDhcp } from '../support/hostile-packets.ts';

const GOLDEN = new URL('../golden/dhcp/', import.meta.url);
const OURS = ip('10.77.0.1');
const THEIRS = ip('10.77.0.9');
const CLIENT = ip('10.77.0.50');

const octetsOf = (name: string): Uint8Array =>
  Uint8Array.from(Buffer.from(readFileSync(new URL(`${name}.hex`, GOLDEN), 'utf8').replace(/\s/g, ''), 'hex'));
const read = (octets: Uint8Array): DhcpMessage => {
  const message = decodeMessage(octets);
  assert.ok(message.ok);
  return message.value;
};
const proxied = (change: Partial<Network> = {}): Network => network({ dhcp: 'proxy', ...change }, []);
const PXE_BIOS: readonly OptionToSend[] = [
  text(OPT.vendorClass, 'PXEClient:Arch:00000:UNDI:002001'),
  [OPT.clientArch, Uint8Array.of(0, 0)],
];
const PXE_UEFI: readonly OptionToSend[] = [
  text(OPT.vendorClass, 'PXEClient:Arch:00007:UNDI:003000'),
  [OPT.clientArch, Uint8Array.of(0, 7)],
];

/** What firmware that takes proxy offers must find in one, by its captured packets. */
const TAKERS = [
  { packets: 'ipxe-bios', file: 'boot.ipxe', vendorClass: 'PXEClient', direct: true },
  { packets: 'ipxe-uefi-arm64', file: 'boot.ipxe', vendorClass: 'PXEClient', direct: true },
  { packets: 'uefi-x64-pxe', file: 'shimx64.efi', vendorClass: 'PXEClient', direct: false },
  { packets: 'uefi-arm64-pxe', file: 'shimaa64.efi', vendorClass: 'PXEClient', direct: false },
  { packets: 'uefi-x64-http', file: 'http://10.77.0.1:5240/boot/x.efi', vendorClass: 'HTTPClient', direct: false },
] as const;
const OTHERS = ['uboot-arm64', 'uboot-arm64-stock', 'uboot-arm64-efi-step', 'uboot-armhf', 'uboot-2025-arm64'];

describe('net/dhcp-proxy: port 67', () => {
  let lab: FakeLab;
  beforeEach(async () => {
    lab = await fakeLab([proxied()]);
    lab.advisor.file = 'boot.file';
  });
  afterEach(() => lab.listener.close());

  for (const { packets, file, vendorClass, direct } of TAKERS)
    it(`D25 F4 F7 ${packets}: an OFFER without an address, of its own kind, with file and server`, async () => {
      lab.advisor.file = file;
      const asked = read(octetsOf(`${packets}-discover`));
      const offer = await lab.ask(octetsOf(`${packets}-discover`));
      assert.ok(offer);
      const { message } = offer;
      const { options } = message;
      assert.deepEqual([offer.type, offer.port, offer.to], ['OFFER', 67, { address: 0xffffffff, port: 68 }]);
      assert.deepEqual([message.yiaddr, message.ciaddr, message.siaddr], [NO_ADDRESS, NO_ADDRESS, OURS]);
      assert.deepEqual([message.xid, message.flags], [asked.xid, asked.flags]);
      assert.deepEqual([message.file, textOption(options, OPT.vendorClass)], [file, vendorClass]);
      assert.equal(ipv4Option(options, OPT.serverId), OURS);
      const discovery = direct ? Uint8Array.of(6, 1, 8, 255) : undefined;
      assert.deepEqual(options.get(OPT.vendorSpecific), discovery);
      assert.deepEqual(options.get(OPT.clientUuid), asked.options.get(OPT.clientUuid));
      assert.deepEqual(options.get(OPT.clientId), asked.options.get(OPT.clientId));
      const ofAddresses = [
        OPT.leaseTime,
        OPT.renewalTime,
        OPT.rebindingTime,
        OPT.subnetMask,
        OPT.router,
        OPT.dnsServer,
      ];
      for (const code of ofAddresses) assert.equal(options.has(code), false, `option ${String(code)}`);
      assert.ok(offer.octets.length >= 300);
    });

  for (const packets of OTHERS)
    it(`${packets} hears nothing: it would take the offer for a whole one`, async () => {
      assert.equal(await lab.ask(octetsOf(`${packets}-discover`)), undefined);
      const [record] = lab.advisor.records;
      assert.match(record?.because ?? '', /next-server/);
    });

  it('D25 who does not boot, and who has nothing to boot, hears nothing', async () => {
    assert.equal(await lab.ask(octetsOf('busybox-udhcpc-discover')), undefined);
    lab.advisor.file = undefined;
    assert.equal(await lab.ask(clientMessage('DISCOVER', {}, PXE_BIOS)), undefined);
    lab.advisor.file = 'boot.file';
    lab.advisor.answersStrangers = false;
    assert.equal(await lab.ask(clientMessage('DISCOVER', {}, PXE_BIOS)), undefined);
  });

  it('D25 a REQUEST, INFORM, DECLINE or RELEASE is never answered, to whomever it goes', async () => {
    for (const type of ['REQUEST', 'INFORM', 'DECLINE', 'RELEASE'] as const)
      for (const server of [OURS, THEIRS]) {
        const options = [...PXE_BIOS, u32(OPT.serverId, server), u32(OPT.requestedAddress, CLIENT)];
        assert.equal(await lab.ask(clientMessage(type, {}, options)), undefined);
        assert.equal(await lab.ask(clientMessage(type, { ciaddr: CLIENT }, options), { address: CLIENT }), undefined);
      }
    assert.deepEqual([lab.listener.leases(), lab.store.rows.size], [[], 0]);
  });

  it('the REQUEST to the other server tells who takes which address, and is on the timeline', async () => {
    await lab.ask(clientMessage('REQUEST', {}, [u32(OPT.serverId, THEIRS), u32(OPT.requestedAddress, CLIENT)]));
    assert.equal(await lab.listener.macOf(CLIENT), macNo(1));
    const [record] = lab.advisor.records;
    assert.deepEqual([record?.sent, record?.address, record?.takesFrom], [undefined, CLIENT, THEIRS]);
    assert.deepEqual(
      lab.listener.otherServers().present.map((each) => formatIpv4(each.serverId)),
      ['10.77.0.9'],
    );
  });

  it('a renewal tells it too; an address of elsewhere, or a group address, tells nothing', async () => {
    await lab.ask(clientMessage('REQUEST', { ciaddr: CLIENT }), { address: CLIENT });
    assert.equal(await lab.listener.macOf(CLIENT), macNo(1));
    await lab.ask(clientMessage('REQUEST', { mac: macNo(2) }, [u32(OPT.requestedAddress, ip('10.99.0.1'))]));
    const group = { chaddr: Uint8Array.of(1, 0, 94, 0, 0, 1, ...new Uint8Array(10)) };
    await lab.ask(clientMessage('REQUEST', group, [u32(OPT.requestedAddress, ip('10.77.0.51'))]));
    assert.equal(await lab.clock.until(Promise.resolve(lab.listener.macOf(ip('10.77.0.51')))), undefined);
    assert.equal(await lab.listener.macOf(ip('10.99.0.1')), undefined);
  });

  it('E2 through a relay: to giaddr, with option 82, and told to broadcast', async () => {
    const lab = await fakeLab([network(), relayedNetwork({ dhcp: 'proxy', pools: [] })]);
    lab.advisor.file = 'boot.file';
    const relay: OptionToSend = [OPT.relayAgentInformation, Uint8Array.of(1, 2, 7, 7)];
    const giaddr = ip('10.78.0.1');
    const offer = await lab.ask(clientMessage('DISCOVER', { giaddr }, [...PXE_UEFI, relay]), { address: giaddr });
    assert.deepEqual([offer?.type, offer?.to, offer?.message.yiaddr], ['OFFER', { address: giaddr, port: 67 }, 0]);
    assert.equal(offer?.message.flags, 0x8000);
    assert.deepEqual(offer.message.options.get(OPT.relayAgentInformation), relay[1]);
    const client = ip('10.78.0.77');
    const ask = [...PXE_UEFI, u32(OPT.serverId, OURS)];
    const ack = await lab.ask(clientMessage('REQUEST', { ciaddr: client }, ask), {
      address: client,
      to: 4011,
      port: 4011,
    });
    assert.deepEqual([ack?.type, ack?.to], ['ACK', { address: client, port: 4011 }]);
    assert.equal(await lab.listener.macOf(client), macNo(1));
    await lab.listener.close();
  });
});

describe('net/dhcp-proxy: port 4011', () => {
  let lab: FakeLab;
  beforeEach(async () => {
    lab = await fakeLab([proxied()]);
    lab.advisor.file = 'shimx64.efi';
  });
  afterEach(() => lab.listener.close());
  const at4011 = { to: 4011, address: CLIENT, port: 4011 };

  it('D25 UEFI asks for its file there: an ACK by unicast, from 4011, without an address', async () => {
    for (const port of [68, 4011]) {
      const ack = await lab.ask(clientMessage('REQUEST', { ciaddr: CLIENT }, PXE_UEFI), { ...at4011, port });
      assert.ok(ack);
      assert.deepEqual([ack.type, ack.port, ack.to], ['ACK', 4011, { address: CLIENT, port }]);
      assert.deepEqual([ack.message.yiaddr, ack.message.ciaddr, ack.message.siaddr], [NO_ADDRESS, CLIENT, OURS]);
      assert.deepEqual([ack.message.file, ack.message.options.has(OPT.vendorSpecific)], ['shimx64.efi', false]);
      assert.equal(textOption(ack.message.options, OPT.vendorClass), 'PXEClient');
    }
    assert.equal(await lab.listener.macOf(CLIENT), macNo(1));
  });

  it('11 nobody is made a target: neither another’s address in ciaddr nor a stranger from outside', async () => {
    const forged = clientMessage('REQUEST', { ciaddr: ip('10.77.0.51') }, PXE_UEFI);
    assert.equal(await lab.ask(forged, at4011), undefined);
    const outside = ip('10.99.0.1');
    assert.equal(
      await lab.ask(clientMessage('REQUEST', { ciaddr: outside }, PXE_UEFI), { ...at4011, address: outside }),
      undefined,
    );
    assert.equal(lab.listener.counters.unknownNetwork, 1);
    assert.equal(await lab.ask(clientMessage('REQUEST', {}, PXE_UEFI), { ...at4011, address: OURS }), undefined);
    assert.equal(lab.listener.counters.looped, 1);
  });

  it('questions to another proxy, of other kinds, and rubbish are not answered', async () => {
    const other = clientMessage('REQUEST', { ciaddr: CLIENT }, [...PXE_UEFI, u32(OPT.serverId, THEIRS)]);
    assert.equal(await lab.ask(other, at4011), undefined);
    assert.equal(await lab.ask(clientMessage('DISCOVER', {}, PXE_UEFI), at4011), undefined);
    assert.equal(await lab.ask(clientMessage('REQUEST', { ciaddr: CLIENT }), at4011), undefined);
    assert.equal(await lab.ask(clientMessage('REQUEST', { op: 2 }, PXE_UEFI), at4011), undefined);
    assert.equal(await lab.ask(clientMessage(undefined, {}, PXE_UEFI), at4011), undefined);
    assert.equal(await lab.ask(new Uint8Array(20), at4011), undefined);
    const { notRequests, bootp, malformed } = lab.listener.counters;
    assert.deepEqual([notRequests, bootp, malformed], [1, 1, 1]);
  });

  it('it is open where a network is in proxy mode, and nowhere else', async () => {
    const second = network({ name: 'rack9', interface: 'eth2', address: ip('10.79.0.1') });
    const two = await fakeLab([proxied(), second]);
    assert.deepEqual([...two.host.sockets.keys()].sort(), ['eth1:4011', 'eth1:67', 'eth1:68', 'eth2:67', 'eth2:68']);
    await two.listener.close();
    assert.equal(two.host.sockets.size, 0);
  });

  it('a port 4011 that is taken refuses the start and gives port 67 back', async () => {
    const lab = await fakeLab([]);
    lab.host.failure = (_device, port) => (port === 4011 ? new Error('held by dnsmasq (pid 7)') : undefined);
    const open = lab.host.open.bind(lab.host);
    await assert.rejects(fakeLab([proxied()], { open }), /held by dnsmasq/);
    assert.equal(lab.host.sockets.size, 0);
    await lab.listener.close();
  });
});

describe('net/dhcp-proxy: never an address', () => {
  const kinds = fc.constantFrom(
    'DISCOVER',
    'DISCOVER',
    'REQUEST',
    'OFFER',
    'REQUEST',
    'DECLINE',
    'ACK',
    'NAK',
    'RELEASE',
    'INFORM',
  );
  const address = fc.constantFrom(NO_ADDRESS, CLIENT, OURS, THEIRS, ip('10.78.0.1'), ip('10.99.0.1'), ipv4(0xffffffff));
  const option = fc.oneof(
    fc.constantFrom(text(OPT.userClass, 'iPXE'), text(OPT.vendorClass, 'HTTPClient:Arch:00016')),
    fc
      .tuple(fc.constantFrom(OPT.requestedAddress, OPT.serverId, OPT.leaseTime), address)
      .map(([code, at]) => u32(code, at)),
    fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 20 })),
  );
  const boots = fc.constantFrom<readonly OptionToSend[]>(PXE_BIOS, PXE_UEFI, PXE_UEFI, []);
  const options = fc
    .tuple(boots, fc.uniqueArray(option, { selector: ([code]) => code, maxLength: 4 }))
    .map(([first, more]) => [
      ...first,
      ...more.filter(([code]) => !first.some(([has]) => has === code) && code !== 53),
    ]);
  const message = fc
    .record({
      kind: kinds,
      ciaddr: fc.constantFrom(NO_ADDRESS, NO_ADDRESS, CLIENT, OURS, ip('10.99.0.1')),
      yiaddr: address,
      giaddr: fc.constantFrom(NO_ADDRESS, NO_ADDRESS, NO_ADDRESS, ip('10.78.0.1'), OURS),
      options,
    })
    .map(({ kind, options, ...fields }) => clientMessage(kind, fields, options));

  it('D25 whatever comes, no packet leaves with yiaddr, lease time or an ACK or NAK from port 67', async () => {
    const lab = await fakeLab([proxied(), relayedNetwork({ dhcp: 'proxy', pools: [] })]);
    lab.advisor.file = 'boot.file';
    const send = async (octets: Uint8Array, from: Ipv4, to: number): Promise<void> => {
      await lab.ask(octets, { address: from, to, port: 68 });
    };
    await fc.assert(
      fc.asyncProperty(
        message,
        fc.constantFrom(NO_ADDRESS, CLIENT, OURS, ip('10.78.0.1')),
        fc.constantFrom(67, 4011),
        async (octets, from, to) => {
          await send(octets, from, to);
        },
      ),
      { numRuns: 150 },
    );
    for (const { packets } of TAKERS) await send(octetsOf(`${packets}-discover`), NO_ADDRESS, 67);
    await send(clientMessage('REQUEST', { ciaddr: CLIENT }, PXE_UEFI), CLIENT, 4011);
    for (const octets of hostileDhcp(7)) {
      await send(octets, NO_ADDRESS, 67);
      await send(octets, CLIENT, 4011);
    }
    const answers = lab.host.sent.filter((each) => each.port !== 68);
    assert.ok(answers.length > TAKERS.length, 'boot clients were answered');
    for (const { octets, port } of answers) {
      const sent = read(octets);
      assert.deepEqual([sent.yiaddr, sent.options.has(OPT.leaseTime)], [NO_ADDRESS, false]);
      assert.equal(messageType(sent.options), port === 67 ? 'OFFER' : 'ACK');
    }
    assert.deepEqual(lab.listener.leases(), []);
    await lab.listener.close();
  });
});
