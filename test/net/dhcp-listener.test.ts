import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { formatIpv4, NO_ADDRESS, octetsOfMac } from '../../server/core/address.ts';
import { BindError } from '../../server/net/bind-error.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { ipv4Option, OPT, textOption, u32Option } from '../../server/wire/dhcp/options.ts';
import { clientMessage, ip, mac, macNo, network, relayedNetwork, text, u32 } from '../support/dhcp-lab.ts';
import { fakeLab, type FakeLab, type Reply } from '../support/fake-wire.ts';

const SERVER = ip('10.77.0.1');
const PRL: OptionToSend = [OPT.parameterRequestList, Uint8Array.of(3, 1, 6, 28, 12, 66, 67, 150, 50, 51, 57, 208)];
const selecting = (address: string, server = SERVER): OptionToSend[] => [
  u32(OPT.requestedAddress, ip(address)),
  u32(OPT.serverId, server),
];
const codesOf = (reply: Reply | undefined): number[] => [...(reply?.message.options.keys() ?? [])];
const yiaddr = (reply: Reply | undefined): string => formatIpv4(reply?.message.yiaddr ?? NO_ADDRESS);

async function bind(lab: FakeLab, n: number, address: string): Promise<void> {
  await lab.ask(clientMessage('DISCOVER', { mac: macNo(n) }));
  const ack = await lab.ask(clientMessage('REQUEST', { mac: macNo(n) }, selecting(address)));
  assert.equal(ack?.type, 'ACK');
}

describe('net/dhcp-listener: what is answered', () => {
  let lab: FakeLab;
  beforeEach(async () => {
    lab = await fakeLab([network()]);
  });
  afterEach(() => lab.listener.close());

  it('A1 only op=1; replies have op=2', async () => {
    for (const op of [0, 2, 3, 255]) assert.equal(await lab.ask(clientMessage('DISCOVER', { op })), undefined);
    assert.equal(lab.listener.counters.notRequests, 4);
    assert.equal((await lab.ask(clientMessage('DISCOVER')))?.message.op, 2);
  });

  it('A4 A11 a client without address hears us on 255.255.255.255:68, from port 67', async () => {
    const reply = await lab.ask(clientMessage('DISCOVER'));
    assert.deepEqual(reply?.to, { address: 0xffffffff, port: 68 });
    assert.equal(lab.host.sent[0]?.port, 67);
  });

  it('A5 A7 xid, flags, giaddr, chaddr, htype, hlen come back; hops, secs, and what the client wrote elsewhere do not', async () => {
    const hostile = { yiaddr: ip('1.2.3.4'), siaddr: ip('5.6.7.8'), sname: 'evil', file: 'evil', hops: 9, secs: 99 };
    const reply = await lab.ask(
      clientMessage('DISCOVER', { xid: 0x12345678, flags: 0x8000, ...hostile }, [[200, Uint8Array.of(1)]]),
    );
    assert.ok(reply);
    const { message } = reply;
    assert.deepEqual([message.xid, message.flags, message.hops, message.secs], [0x12345678, 0x8000, 0, 0]);
    assert.deepEqual([message.htype, message.hlen], [1, 6]);
    assert.deepEqual(message.chaddr.subarray(0, 6), octetsOfMac(macNo(1)));
    assert.deepEqual([yiaddr(reply), formatIpv4(message.siaddr)], ['10.77.0.100', '10.77.0.1']);
    assert.deepEqual([message.sname, message.file, message.options.has(200)], ['', '', false]);
  });

  it('A6 A12 a renewal: ciaddr comes back in the ACK, which goes to it by unicast', async () => {
    await bind(lab, 1, '10.77.0.100');
    const ack = await lab.ask(clientMessage('REQUEST', { ciaddr: ip('10.77.0.100') }), { address: ip('10.77.0.100') });
    assert.deepEqual(ack?.to, { address: ip('10.77.0.100'), port: 68 });
    assert.equal(ack.message.ciaddr, ip('10.77.0.100'));
    const offer = await lab.ask(clientMessage('DISCOVER', { ciaddr: ip('10.77.0.100') }));
    assert.equal(offer?.message.ciaddr, NO_ADDRESS);
  });

  it('A6 A13 B12 B13 a NAK is broadcast, without addresses, with 53, 54, 56 and 61 only', async () => {
    const id: OptionToSend = [OPT.clientId, Uint8Array.of(255, 1, 2)];
    const asked = [...selecting('10.99.0.9'), id, PRL];
    const nak = await lab.ask(clientMessage('REQUEST', { ciaddr: ip('10.77.0.9') }, asked));
    assert.equal(nak?.type, 'NAK');
    assert.deepEqual(nak.to, { address: 0xffffffff, port: 68 });
    assert.deepEqual([nak.message.ciaddr, nak.message.yiaddr, nak.message.siaddr], [0, 0, 0]);
    assert.deepEqual(codesOf(nak), [53, 54, 56, 61]);
  });

  it('A9 hlen 0 without a client identifier, and group addresses, are not answered', async () => {
    assert.equal(await lab.ask(clientMessage('DISCOVER', { hlen: 0 })), undefined);
    assert.equal(await lab.ask(clientMessage('DISCOVER', { mac: mac('01:00:5e:00:00:01') })), undefined);
    assert.equal(await lab.ask(clientMessage('DISCOVER', { mac: mac('ff:ff:ff:ff:ff:ff') })), undefined);
    const withId = await lab.ask(
      clientMessage('DISCOVER', { htype: 32, hlen: 0 }, [[OPT.clientId, Uint8Array.of(255, 9, 9)]]),
    );
    assert.equal(withId?.type, 'OFFER');
  });

  it('A10 any of our addresses is us as server identifier; the one we send is of the client’s network', async () => {
    await lab.ask(clientMessage('DISCOVER'));
    const ack = await lab.ask(clientMessage('REQUEST', {}, selecting('10.77.0.100', ip('10.79.0.2'))));
    assert.equal(ack?.type, 'ACK');
    assert.equal(ipv4Option(ack.message.options, OPT.serverId), SERVER);
  });

  it('A15 a client of 576 octets never gets more', async () => {
    lab.advisor.file = `${'x'.repeat(250)}.efi`;
    const all: OptionToSend = [OPT.parameterRequestList, Uint8Array.from({ length: 250 }, (_, at) => at + 1)];
    const id: OptionToSend = [OPT.clientId, new Uint8Array(250).fill(7)];
    const reply = await lab.ask(
      clientMessage('DISCOVER', {}, [
        all,
        id,
        text(OPT.vendorClass, 'PXEClient'),
        [OPT.maxMessageSize, Uint8Array.of(0, 100)],
      ]),
    );
    assert.ok(reply && reply.octets.length <= 548);
    assert.equal(lab.listener.counters.truncated, 1);
  });

  it('C3 A15 where space is short the client identifier comes before what was merely asked for', async () => {
    lab.advisor.known.set(macNo(1), 'm'.repeat(250));
    lab.advisor.file = 'f'.repeat(250);
    const id: OptionToSend = [OPT.clientId, new Uint8Array(200).fill(7)];
    const reply = await lab.ask(clientMessage('DISCOVER', { file: 'x' }, [PRL, id]));
    assert.ok(reply && reply.octets.length <= 548);
    assert.deepEqual(reply.message.options.get(OPT.clientId), id[1]);
    assert.equal(reply.message.options.has(OPT.hostName), false);
    assert.equal(lab.listener.counters.truncated, 1);
  });

  it('A16 what comes from ourselves is dropped: no loops', async () => {
    assert.equal(await lab.ask(clientMessage('DISCOVER'), { address: SERVER }), undefined);
    assert.equal(await lab.ask(clientMessage('DISCOVER', { giaddr: ip('10.79.0.2') })), undefined);
    assert.equal(lab.listener.counters.looped, 2);
  });

  it('B9 B11 B12 what was asked for is there once, in order, the mask before the router; 50, 55, 57 never', async () => {
    lab.advisor.known.set(macNo(1), 'mustang-03');
    lab.advisor.file = 'boot/loader';
    const codes = codesOf(await lab.ask(clientMessage('DISCOVER', { file: 'x' }, [PRL])));
    assert.deepEqual(codes, [53, 54, 51, 58, 59, 1, 3, 6, 28, 12, 66, 67, 150]);
  });

  it('B14 T1 is half, T2 seven eighths of the lease', async () => {
    const offer = await lab.ask(clientMessage('DISCOVER'));
    assert.ok(offer);
    const { options } = offer.message;
    const times = [OPT.leaseTime, OPT.renewalTime, OPT.rebindingTime].map((code) => u32Option(options, code));
    assert.deepEqual(times, [3600, 1800, 3150]);
  });

  it('B10 options of a wrong length are ignored', async () => {
    const bad: OptionToSend[] = [
      [OPT.requestedAddress, Uint8Array.of(10, 77, 0)],
      [OPT.leaseTime, Uint8Array.of(0, 9)],
      [OPT.maxMessageSize, Uint8Array.of(9)],
    ];
    const offer = await lab.ask(clientMessage('DISCOVER', {}, bad));
    assert.equal(u32Option(offer?.message.options ?? new Map(), OPT.leaseTime), 3600);
    assert.equal(await lab.ask(clientMessage('REQUEST', {}, [[OPT.serverId, Uint8Array.of(10)]])), undefined);
  });

  it('C3 option 61 comes back unchanged in OFFER, ACK and NAK; absent means absent', async () => {
    const id = Uint8Array.of(255, 0, 0, 0, 9, 1, 2, 3);
    const offer = await lab.ask(clientMessage('DISCOVER', {}, [[OPT.clientId, id]]));
    const ack = await lab.ask(clientMessage('REQUEST', {}, [...selecting('10.77.0.100'), [OPT.clientId, id]]));
    const nak = await lab.ask(clientMessage('REQUEST', {}, [...selecting('10.99.0.9'), [OPT.clientId, id]]));
    assert.equal(nak?.type, 'NAK');
    for (const reply of [offer, ack, nak]) assert.deepEqual(reply?.message.options.get(OPT.clientId), id);
    assert.equal(codesOf(await lab.ask(clientMessage('DISCOVER', { mac: macNo(2) }))).includes(OPT.clientId), false);
  });

  it('D6 a REQUEST for another server is not answered, and tells of that server', async () => {
    await lab.ask(clientMessage('DISCOVER'));
    assert.equal(await lab.ask(clientMessage('REQUEST', {}, selecting('10.77.0.100', ip('10.77.0.9')))), undefined);
    await lab.clock.pass(2000);
    assert.deepEqual(
      lab.rivals.map((rival) => [formatIpv4(rival.serverId), rival.interface]),
      [['10.77.0.9', 'eth1']],
    );
  });

  it('D15 D17 D18 DECLINE and RELEASE are never answered; those of strangers count as ignored', async () => {
    await bind(lab, 1, '10.77.0.100');
    const released = clientMessage('RELEASE', { ciaddr: ip('10.77.0.100') }, [u32(OPT.serverId, SERVER)]);
    const foreign = clientMessage('RELEASE', { mac: macNo(2), ciaddr: ip('10.77.0.100') }, [u32(OPT.serverId, SERVER)]);
    assert.equal(await lab.ask(foreign), undefined);
    assert.deepEqual([lab.listener.counters.ignored, lab.listener.leases()[0]?.state], [1, 'bound']);
    assert.equal(await lab.ask(released), undefined);
    assert.deepEqual([lab.listener.counters.ignored, lab.listener.leases()[0]?.state], [1, 'released']);
    await bind(lab, 1, '10.77.0.100');
    assert.equal(await lab.ask(clientMessage('DECLINE', {}, selecting('10.77.0.100'))), undefined);
    assert.equal(lab.listener.leases()[0]?.state, 'declined');
    assert.equal(
      await lab.ask(clientMessage('DECLINE', {}, [u32(OPT.requestedAddress, ip('10.77.0.100'))])),
      undefined,
    );
  });

  it('D19 INFORM: no address, no times, to ciaddr, and no lease', async () => {
    const ack = await lab.ask(clientMessage('INFORM', { ciaddr: ip('10.77.0.40') }, [PRL]));
    assert.equal(ack?.type, 'ACK');
    assert.deepEqual(ack.to, { address: ip('10.77.0.40'), port: 68 });
    assert.deepEqual([yiaddr(ack), ack.message.ciaddr], ['0.0.0.0', ip('10.77.0.40')]);
    for (const code of [51, 58, 59]) assert.equal(codesOf(ack).includes(code), false);
    assert.deepEqual(lab.listener.leases(), []);
  });

  it('D20 11 an INFORM or a ciaddr from outside is no target: we are no reflector', async () => {
    assert.equal(await lab.ask(clientMessage('INFORM', { ciaddr: ip('8.8.8.8') })), undefined);
    assert.equal(await lab.ask(clientMessage('INFORM')), undefined);
    const offer = await lab.ask(clientMessage('DISCOVER', { ciaddr: ip('8.8.8.8') }));
    assert.deepEqual(offer?.to, { address: 0xffffffff, port: 68 });
  });

  it('D21 the same message twice gets the same octets', async () => {
    const discover = clientMessage('DISCOVER', {}, [PRL]);
    const request = clientMessage('REQUEST', {}, [...selecting('10.77.0.100'), PRL]);
    for (const octets of [discover, request])
      assert.deepEqual((await lab.ask(octets))?.octets, (await lab.ask(octets))?.octets);
  });

  it('D23 a stranger hears nothing where strangers are ignored', async () => {
    lab.advisor.answersStrangers = false;
    assert.equal(await lab.ask(clientMessage('DISCOVER')), undefined);
    assert.equal(lab.listener.counters.ignored, 1);
    assert.equal(lab.advisor.records[0]?.because, 'a stranger');
  });

  it('D26 BOOTP is ignored and counted', async () => {
    assert.equal(await lab.ask(clientMessage(undefined)), undefined);
    assert.equal(lab.listener.counters.bootp, 1);
  });

  it('each message is recorded for the timeline', async () => {
    lab.advisor.file = 'loader.efi';
    await lab.ask(clientMessage('DISCOVER', { file: 'x' }));
    const [record] = lab.advisor.records;
    assert.ok(record);
    const { received, sent, address, file, network: name } = record;
    assert.deepEqual(
      [received, sent, address, file, name],
      ['DISCOVER', 'OFFER', ip('10.77.0.100'), 'loader.efi', 'rack1'],
    );
  });
});

describe('net/dhcp-listener: boot clients', () => {
  let lab: FakeLab;
  beforeEach(async () => {
    lab = await fakeLab([network()]);
    lab.advisor.file = 'grubaa64.efi';
  });
  afterEach(() => lab.listener.close());

  const golden = (name: string): Uint8Array =>
    Buffer.from(readFileSync(new URL(`../golden/dhcp/${name}.hex`, import.meta.url), 'utf8').replace(/\s/g, ''), 'hex');

  for (const [name, vendorClass, hasPxe] of [
    ['ipxe-bios-discover', 'PXEClient', true],
    ['uefi-x64-pxe-discover', 'PXEClient', true],
    ['uefi-arm64-pxe-discover', 'PXEClient', true],
    ['uefi-x64-http-discover', 'HTTPClient', false],
    ['uboot-arm64-discover', undefined, false],
    ['uboot-arm64-efi-step-discover', 'PXEClient', true],
  ] as const)
    it(`F4 F6 F7 ${name} is answered with siaddr, the file, and option 60 of its kind`, async () => {
      const offer = await lab.ask(golden(name));
      assert.ok(offer);
      const { message } = offer;
      assert.equal(message.siaddr, SERVER);
      assert.equal(message.file, 'grubaa64.efi');
      assert.equal(textOption(message.options, OPT.vendorClass), vendorClass);
      assert.deepEqual(message.options.get(OPT.vendorSpecific), hasPxe ? Uint8Array.of(6, 1, 8, 255) : undefined);
      assert.ok(offer.octets.length >= 300 && offer.octets.length <= 548);
    });

  it('F3 option 97 comes back unchanged', async () => {
    const offer = await lab.ask(golden('uefi-x64-pxe-discover'));
    assert.equal(offer?.message.options.get(OPT.clientUuid)?.length, 17);
    const bad = await lab.ask(clientMessage('DISCOVER', { file: 'x' }, [[OPT.clientUuid, Uint8Array.of(1, 2)]]));
    assert.equal(bad?.message.options.has(OPT.clientUuid), false);
  });

  it('F6 a name of 127 octets fills the file field; one more travels in option 67 only', async () => {
    for (const [octets, inField] of [
      [127, 127],
      [128, 0],
    ] as const) {
      lab.advisor.file = 'f'.repeat(octets);
      const offer = await lab.ask(
        clientMessage('DISCOVER', { mac: macNo(octets) }, [text(OPT.vendorClass, 'PXEClient')]),
      );
      assert.equal(offer?.message.file.length, inField);
      assert.equal(textOption(offer.message.options, OPT.bootFileName)?.length, inField === 0 ? octets : undefined);
    }
  });

  it('F6 F10 66, 67 and 150 when asked for', async () => {
    const ask = clientMessage('DISCOVER', {}, [text(OPT.vendorClass, 'U-Boot.armv8'), PRL]);
    const offer = await lab.ask(ask);
    assert.ok(offer);
    const { options, sname } = offer.message;
    assert.equal(textOption(options, OPT.tftpServerName), '10.77.0.1');
    assert.equal(sname, '10.77.0.1');
    assert.equal(textOption(options, OPT.bootFileName), 'grubaa64.efi');
    assert.equal(ipv4Option(options, OPT.tftpServerAddress), SERVER);
  });

  it('F11 B11 what we do not have is left out: 208 to 211', async () => {
    const asks208: OptionToSend = [OPT.parameterRequestList, Uint8Array.of(208, 209, 210, 211)];
    const codes = codesOf(await lab.ask(clientMessage('DISCOVER', {}, [asks208])));
    assert.deepEqual(
      codes.filter((code) => code >= 208),
      [],
    );
  });

  it('who does not boot gets an address and no file', async () => {
    const offer = await lab.ask(golden('busybox-udhcpc-discover'));
    assert.equal(offer?.message.file, '');
    assert.equal(offer.message.options.has(OPT.vendorSpecific), false);
  });
});

describe('net/dhcp-listener: relays', () => {
  let lab: FakeLab;
  const GIADDR = ip('10.78.0.1');
  const info = (...value: number[]): OptionToSend => [OPT.relayAgentInformation, Uint8Array.from(value)];
  beforeEach(async () => {
    lab = await fakeLab([network(), relayedNetwork()]);
  });
  afterEach(() => lab.listener.close());

  it('E1 A12 giaddr chooses the network; the answer goes to giaddr:67', async () => {
    const offer = await lab.ask(clientMessage('DISCOVER', { giaddr: GIADDR, hops: 1 }), { address: GIADDR });
    assert.equal(yiaddr(offer), '10.78.0.50');
    assert.deepEqual(offer?.to, { address: GIADDR, port: 67 });
    assert.equal(offer.message.giaddr, GIADDR);
  });

  it('E1 7 an unknown giaddr is silence', async () => {
    assert.equal(await lab.ask(clientMessage('DISCOVER', { giaddr: ip('10.99.0.1') })), undefined);
    assert.equal(lab.listener.counters.unknownNetwork, 1);
  });

  it('A13 a NAK through a relay sets the broadcast bit and goes to giaddr', async () => {
    const nak = await lab.ask(clientMessage('REQUEST', { giaddr: GIADDR }, selecting('10.77.0.100')));
    assert.equal(nak?.type, 'NAK');
    assert.equal(nak.message.flags & 0x8000, 0x8000);
    assert.deepEqual(nak.to, { address: GIADDR, port: 67 });
  });

  it('D19 an INFORM that came through a relay is answered past it: the relay could not deliver it', async () => {
    const inform = clientMessage('INFORM', { giaddr: GIADDR, ciaddr: ip('10.78.0.40') }, [info(1, 1, 9)]);
    const ack = await lab.ask(inform, { address: GIADDR });
    assert.deepEqual(ack?.to, { address: ip('10.78.0.40'), port: 68 });
    assert.deepEqual([ack.message.giaddr, codesOf(ack).at(-1)], [GIADDR, OPT.relayAgentInformation]);
  });

  it('E2 E3 option 82 comes back byte for byte and last, unknown sub-options included, in all replies', async () => {
    const value = [1, 3, 9, 9, 9, 151, 2, 1, 2, 2, 1, 7];
    const offer = await lab.ask(clientMessage('DISCOVER', { giaddr: GIADDR }, [info(...value), PRL]));
    const asked = [info(...value), ...selecting('10.78.0.50')];
    const ack = await lab.ask(clientMessage('REQUEST', { giaddr: GIADDR }, asked));
    const nak = await lab.ask(
      clientMessage('REQUEST', { giaddr: GIADDR }, [info(...value), ...selecting('10.99.0.1')]),
    );
    assert.deepEqual([offer?.type, ack?.type, nak?.type], ['OFFER', 'ACK', 'NAK']);
    for (const reply of [offer, ack, nak]) {
      assert.deepEqual([...(reply?.message.options.get(82) ?? [])], value);
      assert.equal(codesOf(reply).at(-1), 82);
    }
    const [lease] = lab.listener.leases();
    assert.deepEqual([lease?.circuitId, lease?.remoteId], ['090909', '07']);
  });

  it('E8 option 82 without a relay is echoed but not believed', async () => {
    await lab.ask(clientMessage('DISCOVER', {}, [info(1, 1, 5)]));
    const ack = await lab.ask(clientMessage('REQUEST', {}, [info(1, 1, 5), ...selecting('10.77.0.100')]));
    assert.equal(ack?.message.options.has(82), true);
    assert.equal(lab.listener.leases()[0]?.circuitId, undefined);
  });

  it('E7 a renewal by unicast past the relay finds its network by the address, without option 82', async () => {
    await lab.ask(clientMessage('DISCOVER', { giaddr: GIADDR }, [info(1, 1, 5)]));
    await lab.ask(clientMessage('REQUEST', { giaddr: GIADDR }, [info(1, 1, 5), ...selecting('10.78.0.50')]));
    const ack = await lab.ask(clientMessage('REQUEST', { ciaddr: ip('10.78.0.50') }), { address: ip('10.78.0.50') });
    assert.equal(ack?.type, 'ACK');
    assert.deepEqual(ack.to, { address: ip('10.78.0.50'), port: 68 });
  });

  it('E4 an option 82 too long for the client is left out and counted', async () => {
    const long = [1, 200, ...new Uint8Array(200), 2, 200, ...new Uint8Array(200)];
    const offer = await lab.ask(clientMessage('DISCOVER', { giaddr: GIADDR }, [info(...long)]));
    assert.equal(offer?.message.options.has(82), false);
    assert.equal(lab.listener.counters.truncated, 1);
  });
});

describe('net/dhcp-listener: faults', () => {
  it('D5 a store that fails: no ACK, counted, logged, and the next message is answered', async () => {
    const lab = await fakeLab([network()]);
    await lab.ask(clientMessage('DISCOVER'));
    lab.store.failure = new Error('disk full');
    assert.equal(await lab.ask(clientMessage('REQUEST', {}, selecting('10.77.0.100'))), undefined);
    assert.equal(lab.listener.counters.failed, 1);
    assert.ok(lab.log.lines.some((line) => line.includes('disk full')));
    assert.equal((await lab.ask(clientMessage('DISCOVER', { mac: macNo(2) })))?.type, 'OFFER');
    await lab.listener.close();
  });

  it('a boot decision that throws costs one answer', async () => {
    const lab = await fakeLab([network()]);
    lab.advisor.failure = new Error('boom');
    assert.equal(await lab.ask(clientMessage('DISCOVER')), undefined);
    lab.advisor.failure = undefined;
    assert.equal((await lab.ask(clientMessage('DISCOVER')))?.type, 'OFFER');
    await lab.listener.close();
  });

  it('20 hostile octets of every kind end nothing', async () => {
    const lab = await fakeLab([network()]);
    const base = clientMessage('DISCOVER', {}, [
      PRL,
      text(OPT.vendorClass, 'PXEClient'),
      [OPT.clientArch, Uint8Array.of(0, 7)],
    ]);
    const spoiled = fc.tuple(
      fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 30 }),
      fc.nat(base.length),
    );
    const events = lab.host.sockets.get('eth1:67');
    fc.assert(
      fc.property(spoiled, ([flips, length]) => {
        const octets = Uint8Array.from(base);
        for (const [at, value] of flips) octets[at] = value;
        events?.datagram(octets.subarray(0, length), { address: ip('0.0.0.0'), port: 68 });
      }),
      { numRuns: 1000 },
    );
    assert.equal((await lab.ask(clientMessage('DISCOVER', { mac: macNo(7) }), {})) !== undefined, true);
    assert.equal(lab.listener.counters.failed, 0);
    await lab.listener.close();
  });

  it('8 20 a flood fills a bounded queue; the rest is dropped and counted, and known machines go first', async () => {
    const lab = await fakeLab([network()]);
    lab.advisor.reserve('rack1', macNo(1), ip('10.77.0.20'));
    const events = lab.host.sockets.get('eth1:67');
    const flood = [...Array(5000).keys()].map((n) => clientMessage('DISCOVER', { mac: macNo(1000 + n) }));
    for (const octets of flood) events?.datagram(octets, { address: ip('0.0.0.0'), port: 68 });
    assert.equal(lab.listener.counters.overflowed, 5000 - 2048);
    const first = await lab.ask(clientMessage('DISCOVER'));
    assert.equal(yiaddr(first), '10.77.0.20');
    await lab.listener.close();
  });

  it('close waits for what is under way, and nothing is answered after it', async () => {
    const lab = await fakeLab([network()]);
    await lab.ask(clientMessage('DISCOVER'));
    let open = (): void => undefined;
    lab.store.gate = new Promise((resolve) => (open = resolve));
    lab.host.sockets
      .get('eth1:67')
      ?.datagram(clientMessage('REQUEST', {}, selecting('10.77.0.100')), { address: NO_ADDRESS, port: 68 });
    const closed = lab.listener.close();
    open();
    await closed;
    assert.equal(lab.store.rows.size, 1);
    assert.equal(lab.host.sent.length, 2);
    assert.equal(lab.host.sockets.size, 0);
  });

  it('a network that is off is left alone', async () => {
    const lab = await fakeLab([
      network({ dhcp: 'off' }),
      network({ name: 'rack9', interface: 'eth2', address: ip('10.79.0.1') }),
    ]);
    assert.deepEqual([...lab.host.sockets.keys()].sort(), ['eth2:67', 'eth2:68']);
    await lab.listener.close();
  });

  it('a port that is taken at the start refuses the start', async () => {
    await assert.rejects(
      fakeLab([network()], { open: () => Promise.reject(new BindError('port-taken', 'held by dnsmasq (pid 7)')) }),
      /dnsmasq/,
    );
  });

  it('D24 only named interfaces have sockets; two networks keep apart', async () => {
    const second = network(
      { name: 'rack9', interface: 'eth2', subnet: { network: ip('10.79.0.0'), prefix: 24 }, address: ip('10.79.0.1') },
      ['10.79.0.10-10.79.0.20'],
    );
    const lab = await fakeLab([network(), second]);
    assert.deepEqual([...lab.host.sockets.keys()].sort(), ['eth1:67', 'eth1:68', 'eth2:67', 'eth2:68']);
    const [a, b] = [
      await lab.ask(clientMessage('DISCOVER')),
      await lab.ask(clientMessage('DISCOVER'), { device: 'eth2' }),
    ];
    assert.deepEqual([yiaddr(a), a?.device, yiaddr(b), b?.device], ['10.77.0.100', 'eth1', '10.79.0.10', 'eth2']);
    await lab.listener.close();
  });
});
