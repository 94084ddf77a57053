import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cleanBootPath } from '../../../server/wire/boot-path.ts';
import { negotiate } from '../../../server/wire/tftp/negotiate.ts';
import {
  decodePacket,
  encodeAck,
  encodeError,
  encodeOack,
  encodeReadRequest,
  type TftpPacket,
} from '../../../server/wire/tftp/packet.ts';

const FOLDER = fileURLToPath(new URL('../../golden/tftp/', import.meta.url));

interface Golden {
  readonly by: string;
  readonly octets: Uint8Array;
  readonly packet: TftpPacket;
}

function goldensOf(file: string): readonly Golden[] {
  const lines = readFileSync(FOLDER + file, 'utf8')
    .split('\n')
    .filter((line) => /^\d/.test(line));
  return lines.map((line) => {
    const [frame, by = '', , hex = ''] = line.split(' ');
    const octets = Uint8Array.from(Buffer.from(hex, 'hex'));
    const packet = decodePacket(octets);
    assert.ok(packet.ok, `${file} frame ${frame ?? ''}`);
    return { by, octets, packet: packet.value };
  });
}

function encoded(packet: TftpPacket): Uint8Array | undefined {
  switch (packet.op) {
    case 'RRQ':
      return encodeReadRequest(packet.filename, packet.mode, packet.options);
    case 'OACK':
      return encodeOack(packet.options);
    case 'ACK':
      return encodeAck(packet.block);
    case 'ERROR':
      return encodeError(packet.code, packet.message);
    case 'WRQ':
    case 'DATA':
      return undefined;
  }
}

describe('tftp packets of real firmware', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.hex'));
  const asked = files.flatMap((file) => goldensOf(file)).filter(({ packet }) => packet.op === 'RRQ');

  it('there are captures of eleven boots with some sixty requests', () => {
    assert.deepEqual([files.length, asked.length > 60], [11, true]);
  });

  for (const file of files) {
    it(`${file}: each packet is read, and written again octet by octet`, () => {
      for (const { packet, octets } of goldensOf(file)) assert.deepEqual(encoded(packet), octets);
    });

    it(`${file}: each name asked is one that may be looked up`, () => {
      for (const { packet } of goldensOf(file))
        if (packet.op === 'RRQ') assert.ok(cleanBootPath(packet.filename).ok, Buffer.from(packet.filename).toString());
    });

    it(`${file}: our OACK says what dnsmasq's said, and grants the window it did not`, () => {
      const all = goldensOf(file);
      for (const [i, { packet }] of all.entries()) {
        const answer = all[i + 1]?.packet;
        if (packet.op !== 'RRQ' || answer?.op !== 'OACK') continue;
        const octets = Number(answer.options.get('tsize') ?? 0);
        const limits = { blksizeMax: 1468, windowsizeMax: 16, inFlightOctetsMax: 131072 };
        const ours = new Map(negotiate(packet.options, limits, octets).oack);
        assert.equal(ours.get('windowsize'), packet.options.get('windowsize'));
        ours.delete('windowsize');
        assert.deepEqual(ours, new Map(answer.options));
      }
    });
  }

  it('no firmware asks for netascii', () => {
    assert.deepEqual([...new Set(asked.map(({ packet }) => (packet.op === 'RRQ' ? packet.mode : '')))], ['octet']);
  });
});
