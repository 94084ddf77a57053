import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { bootAskOf, grantOptions, type Grant } from '../../server/net/dhcp-boot.ts';
import { explainAnswer, optionLine } from '../../server/net/dhcp-explain.ts';
import { decodeMessage, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, ip, mac, network, text as textOption } from '../support/dhcp-lab.ts';

function captured(name: string): DhcpMessage {
  const text = readFileSync(new URL(`../golden/dhcp/${name}-request.hex`, import.meta.url), 'utf8');
  const message = decodeMessage(Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex')));
  assert.ok(message.ok);
  return message.value;
}

describe('net: DHCP, explained', () => {
  const boots: readonly (readonly [string, string])[] = [
    ['uboot-arm64', 'boot.scr.uimg'],
    ['uboot-armhf', 'boot.scr.uimg'],
    ['uboot-2025-arm64', 'boot.scr.uimg'],
    ['uefi-x64-pxe', 'shimx64.efi'],
    ['uefi-arm64-pxe', 'shimaa64.efi'],
    ['uefi-x64-http', 'http://10.77.0.1:5240/boot/ipxe-amd64.efi'],
    ['uefi-arm64-http', 'http://10.77.0.1:5240/boot/ipxe-arm64.efi'],
    ['uboot-arm64-efi-step', 'grubaa64.efi'],
    ['ipxe-bios', 'boot.ipxe'],
    ['ipxe-uefi-arm64', 'boot.ipxe'],
  ];
  it('a Raspberry Pi: as its REQUEST is printed in its documentation', () => {
    const options: readonly OptionToSend[] = [
      [OPT.parameterRequestList, Uint8Array.of(1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135)],
      [OPT.clientArch, Uint8Array.of(0, 0)],
      [OPT.clientUuid, Uint8Array.from([0, ...Array<number>(16).fill(68)])],
      textOption(OPT.vendorClass, 'PXEClient:Arch:00000:UNDI:002001'),
    ];
    const message = decodeMessage(clientMessage('REQUEST', { mac: mac('b8:27:eb:00:00:01') }, options));
    assert.ok(message.ok);
    const net = network();
    const ask = bootAskOf(message.value);
    const grant: Grant = { type: 'ACK', network: net, leaseS: net.leaseS, file: 'bootcode.bin', hostname: undefined };
    const real = grantOptions(message.value, ask, grant).map(optionLine);
    const about = { request: ask.request, network: net, address: undefined, file: 'bootcode.bin', hostname: undefined };
    assert.deepEqual(
      explainAnswer(about).filter((line) => line.startsWith('option ')),
      real,
    );
    assert.ok(real.some((line) => line.startsWith('option 43 PXE vendor options 06 01 03 0a 04 00 50 58 45 09 17')));
  });

  for (const [name, file] of boots)
    it(`G51 ${name}: what is explained is what the captured REQUEST gets, option for option`, () => {
      const message = captured(name);
      const net = network();
      const grant: Grant = { type: 'ACK', network: net, leaseS: net.leaseS, file, hostname: 'mustang-01' };
      const real = grantOptions(message, bootAskOf(message), grant).map(optionLine);
      const { request } = bootAskOf(message);
      const told = explainAnswer({ request, network: net, address: ip('10.77.0.9'), file, hostname: 'mustang-01' });
      assert.deepEqual(
        told.filter((line) => line.startsWith('option ')),
        real,
      );
      assert.deepEqual(told.slice(0, 2), ['yiaddr 10.77.0.9', 'siaddr 10.77.0.1']);
      assert.ok(told.includes(`file "${file}"`));
    });

  it('G51 in proxy mode it is the OFFER without an address, or why there is none', () => {
    const proxied = network({ dhcp: 'proxy', pools: [] });
    const about = { network: proxied, address: ip('10.77.0.9'), hostname: 'mustang-01' };
    const told = (name: string, file: string | undefined): string => {
      const { request } = bootAskOf(captured(name));
      return explainAnswer({ ...about, request, file }).join('\n');
    };
    const uefi = told('uefi-x64-pxe', 'ipxe-amd64.efi');
    assert.match(uefi, /^yiaddr none: another DHCP server gives the address/);
    assert.match(uefi, /siaddr 10\.77\.0\.1\nfile "ipxe-amd64\.efi"\noption 53 message type 02\noption 54 /);
    assert.doesNotMatch(uefi, /option (1|43|51) /);
    assert.match(told('ipxe-bios', 'boot.ipxe'), /option 43 PXE vendor options 06 01 08 ff/);
    assert.match(told('uboot-arm64', 'boot.scr.uimg'), /no answer: .*next-server/);
    assert.match(told('uefi-x64-pxe', undefined), /no answer$/);
  });

  it('a machine that gets no file gets none of the boot options', () => {
    const { request } = bootAskOf(captured('uefi-x64-pxe'));
    const told = explainAnswer({
      request,
      network: network(),
      address: undefined,
      file: undefined,
      hostname: undefined,
    });
    assert.ok(told.every((line) => !/^(file|sname|option (43|60|66|67) )/.test(line)));
    assert.match(told[0] ?? '', /next free address/);
  });
});
