import { strict as assert } from 'node:assert';
import { Duplex } from 'node:stream';
import { realClock } from '../../server/edges/real-clock.ts';
import { streamLine, type LineCodec } from '../../server/edges/stream-line.ts';
import { ConsoleError } from '../../server/ports/console.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';
import { hear } from '../support/hear-line.ts';

/** A stream whose far end is this test. */
function pair(): { readonly stream: Duplex; readonly written: () => string } {
  const written: Buffer[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  return { stream, written: () => Buffer.concat(written).toString('latin1') };
}

describe('a line over a stream', () => {
  const parts = { clock: realClock, whom: 'board 7' };

  it('keeps what was said before somebody listens, and ends with the far end', async () => {
    const { stream } = pair();
    stream.push('first');
    const line = streamLine(stream, parts);
    const heard = hear(line);
    await heard.has('first');
    stream.push(null);
    assert.equal(await line.ended, 'board 7 closed the connection');
  });

  it('speaks through its codec, and says goodbye', async () => {
    const { stream, written } = pair();
    const codec: LineCodec = {
      hear: (octets) => octets.filter((octet) => octet !== 0),
      say: (octets) => Buffer.concat([octets, Buffer.from('.')]),
    };
    const line = streamLine(stream, { ...parts, codec, goodbye: Buffer.from('bye') });
    const heard = hear(line);
    stream.push(Buffer.from('a\0b'));
    await heard.has('ab');
    await line.write(Buffer.from('key'));
    await line.close();
    assert.equal(written(), 'key.bye');
    assert.equal(await line.ended, 'board 7: closed');
  });

  it('keys after the end are refused with its reason', async () => {
    const { stream } = pair();
    const line = streamLine(stream, parts);
    stream.destroy(new Error('read ECONNRESET'));
    assert.equal(await line.ended, 'board 7: read ECONNRESET');
    await assert.rejects(
      line.write(Buffer.from('x')),
      (error) =>
        error instanceof ConsoleError && error.code === 'unreachable' && error.message.includes('read ECONNRESET'),
    );
  });

  it('reads more slowly what sends more than any serial line, and loses nothing of it', async () => {
    const { stream } = pair();
    const clock = createFakeClock();
    const heard = hear(streamLine(stream, { ...parts, clock }));
    const flood = Buffer.alloc(2 << 20, 'f');
    stream.push(flood);
    await heard.has(flood);
    stream.push('after');
    await settle();
    assert.equal(stream.isPaused(), true);
    assert.equal(heard.octets().length, flood.length);
    await clock.pass(1000);
    await heard.has('after');
    stream.destroy();
  });
});
