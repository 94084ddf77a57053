import { strict as assert } from 'node:assert';
import { createLogSerial } from '../../lab/log-serial.ts';
import type { BoardLogEntry } from '../../lab/virtual/hands.ts';
import { createFakeClock } from '../support/fake-clock.ts';

function entry(words: string): BoardLogEntry {
  return { atMs: 0, what: 'dhcp', words, octets: undefined, sha256: undefined };
}

describe('the serial line of a virtual board', () => {
  it('says each line of the log once, though the log forgets its beginning, and echoes', () => {
    const clock = createFakeClock();
    let log = [entry('one'), entry('two')];
    let said = '';
    const line = createLogSerial(() => log, clock);
    line.listen((octets) => {
      said += Buffer.from(octets).toString();
    });
    clock.advance(200);
    assert.equal(said, 'dhcp: one\r\ndhcp: two\r\n');
    log = [...log.slice(1), entry('three')];
    clock.advance(600);
    assert.equal(said, 'dhcp: one\r\ndhcp: two\r\ndhcp: three\r\n');
    said = '';
    line.write(Buffer.from('x\r'));
    line.sendBreak();
    assert.equal(said, 'x\r\n\r\nbreak\r\n');
    line.stop();
    assert.equal(clock.waiting(), 0);
  });
});
