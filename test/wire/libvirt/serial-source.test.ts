import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { serialSource } from '../../../server/wire/libvirt/serial-source.ts';
import { processorMs } from '../../support/processor-ms.ts';

/** The devices as libvirt 9.0 prints them. */
const domain = (serial: string): string =>
  `<domain type='qemu' id='1'>\n  <name>board1</name>\n  <devices>\n${serial}\n    <audio id='1' type='none'/>\n  </devices>\n</domain>\n`;

const UNIX = `    <serial type='unix'>
      <source mode='bind' path='/run/vm/b1.sock'/>
      <log file='/run/vm/b1.log' append='on'/>
      <target type='system-serial' port='0'>
        <model name='pl011'/>
      </target>
      <alias name='serial0'/>
    </serial>
    <console type='unix'>
      <source mode='bind' path='/run/vm/other.sock'/>
    </console>`;
const TCP = `    <serial type='tcp'>
      <source mode='bind' host='127.0.0.1' service='4555' tls='no'/>
      <protocol type='raw'/>
      <target type='isa-serial' port='0'/>
    </serial>`;

describe('the serial line of a libvirt domain', () => {
  it('is found in its XML', () => {
    assert.deepEqual(serialSource(domain(UNIX)), { ok: true, value: { is: 'unix', path: '/run/vm/b1.sock' } });
    assert.deepEqual(serialSource(domain(TCP)), { ok: true, value: { is: 'tcp', host: '127.0.0.1', port: 4555 } });
  });

  it('is the console where there is no serial device', () => {
    const console_ = "<console type='unix'><source mode='bind' path='/run/vm/c.sock'/></console>";
    assert.deepEqual(serialSource(domain(console_)), { ok: true, value: { is: 'unix', path: '/run/vm/c.sock' } });
  });

  it('may have a path with signs that XML escapes', () => {
    const xml = domain(UNIX.replace('/run/vm/b1.sock', '/run/a&amp;b/&lt;x&gt;&apos;.sock'));
    assert.deepEqual(serialSource(xml), { ok: true, value: { is: 'unix', path: "/run/a&b/<x>'.sock" } });
  });

  for (const [title, serial, words] of [
    ['no line at all', '', /no <serial> device/],
    ['a pty', "<serial type='pty'><source path='/dev/pts/3'/></serial>", /'pty'.*give it type='unix'/],
    ['one that says nothing', '<serial></serial>', /'none'/],
    ['an empty element', "<serial type='unix'/>", /mode='bind'/],
    ['one that connects', UNIX.replaceAll("mode='bind'", "mode='connect'"), /connects by itself/],
    ['one that speaks telnet', TCP.replace("'raw'", "'telnet'"), /speaks 'telnet'/],
    ['a path that is not whole', UNIX.replace('/run/vm/b1.sock', 'b1.sock'), /whole path/],
    ['a port that is none', TCP.replace('4555', 'telnet'), /cannot be read/],
    ['an element that never ends', "<serial type='unix'><source mode='bind' path='/run/x'/>", /mode='bind'/],
  ] as const)
    it(`${title} is refused in words`, () => {
      const place = serialSource(domain(serial));
      assert.ok(!place.ok);
      assert.equal(place.error.code, 'config');
      assert.match(place.error.because, words);
    });

  it('any text whatever is read or refused, in time', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '<serial',
        ' type=',
        "'unix'",
        '>',
        '<source ',
        "mode='bind'",
        " path='/x'",
        '/>',
        '</serial>',
        "'",
        '&amp;',
        ' ',
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(pieces, fc.string(), (parts, noise) => {
        const place = serialSource(parts.join('') + noise);
        if (place.ok && place.value.is === 'unix') assert.ok(place.value.path.startsWith('/'));
      }),
    );
  });

  it('a hostile text of a megabyte costs no time', () => {
    const costMs = processorMs(() => {
      serialSource(`<serial${" a='b'".repeat(150_000)}`);
      serialSource("<serial type='unix'>".repeat(50_000));
    });
    assert.ok(costMs < 4000, `${String(costMs)} ms`);
  });
});
