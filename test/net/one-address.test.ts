import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { formatIpv4, NO_ADDRESS, octetsOfMac } from '../../server/core/address.ts';
import type { Machine } from '../../server/core/machine.ts';
import { createDhcpAdvisor } from '../../server/services/serve-boot.ts';
import { encodeMessage } from '../../server/wire/dhcp/encode.ts';
import { decodeMessage } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { MAC, machine } from '../core/boot-fixtures.ts';
import { layBench, type BootBench } from '../services/boot-bench.ts';
import { clientMessage, ip, network, u32 } from '../support/dhcp-lab.ts';
import { fakeLab, type FakeLab } from '../support/fake-wire.ts';

const SERVER = ip('10.77.0.1');
const DUID = Uint8Array.of(255, 0, 0, 0, 1, 0, 1, 0, 1, 44, 9, 9, 9, ...octetsOfMac(MAC));

/** A captured DISCOVER, as our one board would have sent it. */
function captured(name: string): Uint8Array {
  const url = new URL(`../golden/dhcp/${name}-discover.hex`, import.meta.url);
  const message = decodeMessage(Buffer.from(readFileSync(url, 'utf8').replace(/\s/g, ''), 'hex'));
  assert.ok(message.ok);
  const { options, ...header } = message.value;
  const chaddr = new Uint8Array(16);
  chaddr.set(octetsOfMac(MAC));
  const id: OptionToSend = [OPT.clientId, Uint8Array.of(1, ...octetsOfMac(MAC))];
  const own = [...options].map((each): OptionToSend => (each[0] === OPT.clientId ? id : each));
  return encodeMessage({ ...header, chaddr }, own, { datagramOctets: 1500, mayOverload: false }).octets;
}

const STAGES: readonly (readonly [string, Uint8Array, Uint8Array | undefined])[] = [
  ['u-boot, without a client identifier', captured('uboot-arm64'), undefined],
  ['its EFI step', captured('uboot-arm64-efi-step'), undefined],
  ['iPXE, 01 and the MAC', captured('ipxe-uefi-arm64'), Uint8Array.of(1, ...octetsOfMac(MAC))],
  ['Linux, 01 and the MAC', captured('busybox-udhcpc'), Uint8Array.of(1, ...octetsOfMac(MAC))],
  ['the system on disk, a DUID', clientMessage('DISCOVER', { mac: MAC }, [[OPT.clientId, DUID]]), DUID],
];

interface Lab extends FakeLab {
  readonly bench: BootBench;
  /** DISCOVER as captured, then REQUEST of what is offered; the address that was ACKed. */
  stage(discover: Uint8Array, clientId: Uint8Array | undefined): Promise<string>;
}

async function lay(who: Machine | undefined): Promise<Lab> {
  const bench = layBench(who);
  if (who) bench.deps.reservations.refresh([who]);
  const lab = await fakeLab([network()], {}, createDhcpAdvisor(bench.deps));
  return {
    ...lab,
    bench,
    stage: async (discover, clientId) => {
      const offer = await lab.ask(discover);
      assert.equal(offer?.type, 'OFFER');
      const id: OptionToSend[] = clientId ? [[OPT.clientId, clientId]] : [];
      const wants = [u32(OPT.requestedAddress, offer.message.yiaddr), u32(OPT.serverId, SERVER), ...id];
      const ack = await lab.ask(clientMessage('REQUEST', { mac: MAC }, wants));
      assert.equal(ack?.type, 'ACK');
      assert.deepEqual(ack.message.options.get(OPT.clientId), clientId);
      return formatIpv4(ack.message.yiaddr);
    },
  };
}

describe('net: one board keeps one address through all stages of a boot', () => {
  const reserved = { ...machine, reserved: ip('10.77.0.20') };
  for (const [title, who, want] of [
    ['a board just met', { ...machine, state: 'new' as const, board: undefined, bundle: undefined }, '10.77.0.100'],
    ['an accepted machine without a reservation', machine, '10.77.0.100'],
    ['an accepted machine with one', reserved, '10.77.0.20'],
  ] as const)
    it(`C4 ${title}`, async () => {
      const lab = await lay(who);
      for (const [stage, discover, id] of STAGES) assert.equal(await lab.stage(discover, id), want, stage);
      assert.equal(lab.listener.leases().length, 1);
      assert.equal(lab.listener.leases()[0]?.key, `mac:${MAC}`);
      await lab.listener.close();
    });

  it('C4 a board unknown to its end keeps one address while it shows one identity; a DUID is another client (C1)', async () => {
    const lab = await lay(undefined);
    const addresses = [];
    for (const [, discover, id] of STAGES) addresses.push(await lab.stage(discover, id));
    assert.deepEqual(addresses, [...Array<string>(4).fill('10.77.0.100'), '10.77.0.101']);
    await lab.listener.close();
  });

  it('C4 D10 D14 a reservation made in the middle of a boot moves the board at its next stage, not before', async () => {
    const lab = await lay(machine);
    const [uboot, , , linux] = STAGES;
    assert.ok(uboot && linux);
    assert.equal(await lab.stage(uboot[1], uboot[2]), '10.77.0.100');
    lab.bench.deps.reservations.refresh([reserved]);
    const old = ip('10.77.0.100');
    assert.equal(lab.listener.macOf(old), MAC, 'its files are still its own');
    lab.clock.advance(600_000);
    const rest = await lab.ask(clientMessage('REQUEST', { mac: MAC, ciaddr: old }), { address: old });
    assert.equal(rest?.type, 'ACK', 'a renewal is confirmed for the time it has left');
    assert.deepEqual(rest.message.options.get(OPT.leaseTime), Uint8Array.of(0, 0, 0x0b, 0xb8));
    const reboot = await lab.ask(clientMessage('REQUEST', { mac: MAC }, [u32(OPT.requestedAddress, old)]));
    assert.equal(reboot?.type, 'NAK', 'who asks for the old address again is sent to ask anew');
    assert.equal(await lab.stage(linux[1], linux[2]), '10.77.0.20');
    assert.deepEqual([lab.listener.macOf(old), lab.listener.macOf(ip('10.77.0.20'))], [undefined, MAC]);
    await lab.listener.close();
  });

  it('D1 D17 after the board was off for longer than its lease, it gets the same address', async () => {
    const lab = await lay(machine);
    const [uboot, , , , disk] = STAGES;
    assert.ok(uboot && disk);
    assert.equal(await lab.stage(uboot[1], uboot[2]), '10.77.0.100');
    lab.clock.advance(30 * 86_400_000);
    assert.equal(await lab.stage(disk[1], disk[2]), '10.77.0.100');
    const released = clientMessage('RELEASE', { mac: MAC, ciaddr: ip('10.77.0.100') }, [
      u32(OPT.serverId, SERVER),
      [OPT.clientId, DUID],
    ]);
    assert.equal(await lab.ask(released), undefined);
    assert.equal(lab.listener.leases()[0]?.state, 'released');
    assert.equal(await lab.stage(uboot[1], uboot[2]), '10.77.0.100');
    assert.equal(lab.store.rows.size, 1);
    assert.notEqual(lab.listener.leases()[0]?.address, NO_ADDRESS);
    await lab.listener.close();
  });
});
