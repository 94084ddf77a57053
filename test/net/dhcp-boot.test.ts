import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { bootAskOf, cleanHostname, fileField, grantOptions } from '../../server/net/dhcp-boot.ts';
import { decodeMessage, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, network, text } from '../support/dhcp-lab.ts';

function read(octets: Uint8Array): DhcpMessage {
  const decoded = decodeMessage(octets);
  assert.ok(decoded.ok);
  return decoded.value;
}
const golden = (name: string): DhcpMessage =>
  read(
    Buffer.from(readFileSync(new URL(`../golden/dhcp/${name}.hex`, import.meta.url), 'utf8').replace(/\s/g, ''), 'hex'),
  );
const asking = (...options: OptionToSend[]): DhcpMessage => read(clientMessage('DISCOVER', {}, options));

describe('net/dhcp-boot', () => {
  const cases = [
    ['ipxe-bios-discover', 0, 'ipxe', 'amd64', true],
    ['ipxe-uefi-arm64-discover', 11, 'ipxe', 'arm64', true],
    ['uefi-x64-pxe-discover', 7, 'uefi', 'amd64', true],
    ['uefi-arm64-pxe-discover', 11, 'uefi', 'arm64', true],
    ['uefi-x64-http-discover', 16, 'uefi-http', 'amd64', true],
    ['uefi-arm64-http-discover', 19, 'uefi-http', 'arm64', true],
    ['uboot-arm64-discover', 22, 'u-boot', 'arm64', true],
    ['uboot-armhf-discover', 21, 'u-boot', 'armhf', true],
    ['uboot-2025-arm64-discover', 22, 'u-boot', 'arm64', true],
    ['uboot-arm64-efi-step-discover', 11, 'u-boot', 'arm64', true],
    ['busybox-udhcpc-discover', undefined, undefined, undefined, false],
  ] as const;
  for (const [name, clientArch, loader, arch, isBootClient] of cases)
    it(`F5 ${name} is ${loader ?? 'no loader'} on ${arch ?? 'no architecture'}`, () => {
      const { request, isBootClient: boots } = bootAskOf(golden(name));
      assert.deepEqual(
        [request.clientArch, request.loader, request.arch, boots],
        [clientArch, loader, arch, isBootClient],
      );
      assert.match(request.mac, /^52:54:00:/);
    });

  it('F1 the first known type counts; an unknown one is shown as it came', () => {
    assert.equal(bootAskOf(asking([OPT.clientArch, Uint8Array.of(99, 99, 0, 11)])).request.clientArch, 11);
    const unknown = bootAskOf(asking([OPT.clientArch, Uint8Array.of(1, 2)])).request;
    assert.deepEqual([unknown.clientArch, unknown.loader, unknown.arch], [258, undefined, undefined]);
  });

  it('F9 a u-boot without option 93 is known by its vendor class', () => {
    const { request } = bootAskOf(asking(text(OPT.vendorClass, 'U-Boot.armv8')));
    assert.deepEqual([request.clientArch, request.loader, request.arch], [undefined, 'u-boot', 'arm64']);
    assert.equal(bootAskOf(asking(text(OPT.vendorClass, 'U-Boot'))).request.arch, undefined);
  });

  it('F8 iPXE by option 175 alone carries its user class into the decision', () => {
    const { request } = bootAskOf(asking([OPT.ipxeEncapsulated, Uint8Array.of(1)]));
    assert.deepEqual([request.loader, request.userClass], ['ipxe', 'iPXE']);
  });

  describe('a Raspberry Pi', () => {
    const MAC_4 = Uint8Array.of(0xdc, 0xa6, 0x32, 1, 0x36, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const wants = [1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135];
    const ask = (type: 'DISCOVER' | 'REQUEST', ...more: OptionToSend[]): DhcpMessage =>
      read(
        clientMessage(type, { chaddr: MAC_4 }, [
          [OPT.parameterRequestList, Uint8Array.from(wants)],
          [OPT.clientArch, Uint8Array.of(0, 0)],
          [
            OPT.clientUuid,
            Uint8Array.from([0, 0x52, 0x50, 0x69, 0x34, 0x11, 0x31, 0xc0, 0, 50, 1, 54, 194, 38, 70, 244, 183]),
          ],
          ...more,
        ]),
      );
    const discover = ask('DISCOVER', text(OPT.vendorClass, 'PXEClient:Arch:00000:UNDI:002001'));

    it('says it were a PC, and is none', () => {
      const { request, isBootClient } = bootAskOf(discover);
      assert.deepEqual(
        [request.loader, request.arch, request.systemUuid, isBootClient],
        ['rpi', undefined, '34695052-3111-00c0-3201-36c22646f4b7', true],
      );
    });
    for (const message of [discover, ask('REQUEST')])
      it(`gets the menu entry and where TFTP is${message === discover ? '' : ', when its REQUEST lacks option 60 too'}`, () => {
        const boot = bootAskOf(message);
        const given = {
          type: 'ACK',
          network: network(),
          leaseS: 60,
          file: 'bootcode.bin',
          hostname: undefined,
        } as const;
        const options = new Map(grantOptions(message, boot, given));
        const said = (code: number): string => String.fromCharCode(...(options.get(code) ?? []));
        assert.match(said(OPT.vendorSpecific), /Raspberry Pi Boot {3}\u00ff$/);
        assert.equal(said(OPT.vendorClass), 'PXEClient');
        assert.match(said(OPT.tftpServerName), /^10\./);
        assert.equal(options.get(OPT.clientUuid)?.length, 17);
      });
    it('that is not to boot gets no menu, and goes on to its next device', () => {
      const boot = bootAskOf(discover);
      const given = { type: 'ACK', network: network(), leaseS: 60, file: undefined, hostname: undefined } as const;
      assert.equal(new Map(grantOptions(discover, boot, given)).has(OPT.vendorSpecific), false);
    });
  });

  it('a client that wants a file boots, whatever else it says', () => {
    assert.equal(bootAskOf(read(clientMessage('DISCOVER', { file: 'boot.scr.uimg' }))).isBootClient, true);
    assert.equal(bootAskOf(asking()).isBootClient, false);
  });

  it('F6 the file field takes 127 octets', () => {
    assert.deepEqual(
      [fileField('x'.repeat(127)).length, fileField('x'.repeat(128)), fileField(undefined)],
      [127, '', ''],
    );
  });

  it('host names are shown, never believed', () => {
    assert.equal(cleanHostname('lab-03.example'), 'lab-03.example');
    assert.equal(cleanHostname('<script>x\u0000\n'), 'scriptx');
    assert.equal(cleanHostname('\u0001\u0002'), undefined);
    assert.equal(cleanHostname(undefined), undefined);
    assert.equal(cleanHostname('x'.repeat(255))?.length, 63);
  });
});
