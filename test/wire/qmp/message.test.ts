import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { readQmp, textMember, writeQmp } from '../../../server/wire/qmp/message.ts';

// Lines as QEMU 7.2.22 wrote them.
const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2+dfsg-7+deb12u18"}, "capabilities": ["oob"]}}';
const EVENT = '{"timestamp": {"seconds": 1700000000, "microseconds": 5}, "event": "RESET", "data": {"guest": false}}';
const REFUSAL = '{"id": 4, "error": {"class": "GenericError", "desc": "Resetting the Virtual Machine is required"}}';

describe('QMP lines', () => {
  it('a greeting gives the version', () => {
    assert.deepEqual(readQmp(GREETING), { ok: true, value: { is: 'greeting', version: '7.2.22' } });
    assert.deepEqual(readQmp('{"QMP": {"version": 7}}'), { ok: true, value: { is: 'greeting', version: 'unknown' } });
    assert.deepEqual(readQmp('{"QMP": null}'), { ok: true, value: { is: 'greeting', version: 'unknown' } });
  });

  it('an answer gives its value and whose it is', () => {
    assert.deepEqual(readQmp('{"return": {"status": "prelaunch"}, "id": 3}'), {
      ok: true,
      value: { is: 'return', id: 3, value: { status: 'prelaunch' } },
    });
    assert.deepEqual(readQmp('{"return": [], "id": "3"}'), {
      ok: true,
      value: { is: 'return', id: undefined, value: [] },
    });
  });

  it('an event gives its name', () => {
    assert.deepEqual(readQmp(EVENT), { ok: true, value: { is: 'event', name: 'RESET' } });
  });

  it("an error gives QEMU's words, shortened and without control characters", () => {
    assert.deepEqual(readQmp(REFUSAL), {
      ok: true,
      value: { is: 'error', id: 4, because: 'Resetting the Virtual Machine is required' },
    });
    const long = readQmp(JSON.stringify({ error: { desc: `\u001b[2J${'x'.repeat(500)}` } }));
    assert.ok(long.ok && long.value.is === 'error');
    assert.equal(long.value.because, ` [2J${'x'.repeat(196)}`);
    const classOnly = readQmp('{"error": {"class": "CommandNotFound"}}');
    assert.ok(classOnly.ok && classOnly.value.is === 'error' && classOnly.value.because === 'CommandNotFound');
    const wordless = readQmp('{"error": 1}');
    assert.ok(wordless.ok && wordless.value.is === 'error' && wordless.value.because === 'an error without words');
  });

  for (const line of ['', 'hello', '{', '[]', '42', 'null', '"QMP"', '{}', '{"event": 7}', 'HTTP/1.1 400 Bad Request'])
    it(`refuses ${JSON.stringify(line)} without repeating it`, () => {
      const read = readQmp(line);
      assert.ok(!read.ok);
      assert.ok(line.length < 4 || !read.error.includes(line));
    });

  it('any text whatever is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        const read = readQmp(line);
        assert.equal(typeof read.ok, 'boolean');
      }),
    );
  });

  it('any answer comes back with its number and value', () => {
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue(), (id, value) => {
        const read = readQmp(JSON.stringify({ return: value, id }));
        assert.deepEqual(read, {
          ok: true,
          value: { is: 'return', id, value: JSON.parse(JSON.stringify(value)) as unknown },
        });
      }),
    );
  });

  it('a command is one line with its number', () => {
    assert.equal(writeQmp(7, 'query-status'), '{"execute":"query-status","id":7}\r\n');
  });

  it('a text member is text or nothing', () => {
    assert.equal(textMember({ status: 'running' }, 'status'), 'running');
    for (const value of [null, 7, [], {}, { status: 7 }, 'status'])
      assert.equal(textMember(value, 'status'), undefined);
  });
});
