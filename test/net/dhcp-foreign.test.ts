import { strict as assert } from 'node:assert';
import { createRequire } from 'node:module';
import type { OptionToSend } from '../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, macNo, network, text } from '../support/dhcp-lab.ts';
import { fakeLab } from '../support/fake-wire.ts';

/** The parser of the npm package `dhcp`: a second opinion on what is sent. */
interface Protocol {
  parse(octets: Buffer): {
    readonly op: number;
    readonly xid: number;
    readonly yiaddr: string;
    readonly siaddr: string;
    readonly chaddr: string;
    readonly file: string;
    readonly options: Readonly<Record<number, unknown>>;
  };
}
const protocol = createRequire(import.meta.url)('dhcp/lib/protocol.js') as Protocol;

describe('net: a foreign parser reads our answers', () => {
  it('an OFFER to a PXE client', async () => {
    const lab = await fakeLab([network()]);
    lab.advisor.file = 'pxelinux.0';
    const wishes: OptionToSend = [OPT.parameterRequestList, Uint8Array.of(1, 3, 6, 28)];
    const offer = await lab.ask(
      clientMessage('DISCOVER', { mac: macNo(0xabcdef), xid: 77 }, [text(OPT.vendorClass, 'PXEClient'), wishes]),
    );
    await lab.listener.close();
    assert.ok(offer);
    const read = protocol.parse(Buffer.from(offer.octets));
    assert.deepEqual([read.op, read.xid, read.yiaddr, read.siaddr], [2, 77, '10.77.0.100', '10.77.0.1']);
    assert.equal(read.chaddr.toLowerCase().replaceAll('-', ':'), '52:54:00:ab:cd:ef');
    assert.equal(read.file.replace(/\0.*$/s, ''), 'pxelinux.0');
    assert.equal(read.options[OPT.messageType], 2);
    assert.equal(read.options[OPT.leaseTime], 3600);
    assert.equal(read.options[OPT.serverId], '10.77.0.1');
    assert.equal(read.options[OPT.subnetMask], '255.255.255.0');
    assert.deepEqual(read.options[OPT.router], ['10.77.0.254']);
    assert.deepEqual(read.options[OPT.dnsServer], ['10.77.0.53']);
    assert.equal(read.options[OPT.broadcastAddress], '10.77.0.255');
  });
});
