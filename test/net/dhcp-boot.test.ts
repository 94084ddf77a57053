import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { bootAskOf, cleanHostname, fileField } from '../../server/net/dhcp-boot.ts';
import { decodeMessage, type DhcpMessage } from '../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, text } from '../support/dhcp-lab.ts';

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
