import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { serialPlace } from '../../../server/wire/qmp/serial-port.ts';

describe('where QEMU has a serial line', () => {
  // As QEMU 7.2.22 says it.
  for (const [filename, place] of [
    ['disconnected:unix:/run/vm/serial.sock,server=on', { is: 'unix', path: '/run/vm/serial.sock' }],
    ['disconnected:unix:/run/vm/s.sock,server', { is: 'unix', path: '/run/vm/s.sock' }],
    ['disconnected:tcp:127.0.0.1:4555,server=on', { is: 'tcp', host: '127.0.0.1', port: 4555 }],
    ['disconnected:tcp:0.0.0.0:4555,server=on', { is: 'tcp', host: '127.0.0.1', port: 4555 }],
    ['disconnected:tcp:[::]:4555,server=on', { is: 'tcp', host: '::1', port: 4555 }],
  ] as const)
    it(`${filename} is understood`, () => {
      assert.deepEqual(serialPlace(filename), { ok: true, value: place });
    });

  for (const [filename, code, words] of [
    ['unix:/run/vm/serial.sock,server=on', 'busy', /taken by somebody else/],
    ['tcp:127.0.0.1:4555,server=on <-> 127.0.0.1:51234', 'busy', /taken by somebody else/],
    ['disconnected:unix:/run/vm/serial.sock', 'config', /must listen: server=on/],
    ['disconnected:unix:serial.sock,server=on', 'config', /without its whole path/],
    [`disconnected:unix:/${'x'.repeat(107)},server=on`, 'config', /too long/],
    ['disconnected:tcp:host:0,server=on', 'config', /cannot be read/],
    ['disconnected:tcp:host:70000,server=on', 'config', /cannot be read/],
    ['disconnected:telnet:127.0.0.1:4555,server=on', 'config', /"telnet".*give it a socket/],
    ['pty:/dev/pts/3', 'config', /"pty".*cannot be opened/],
    ['file', 'config', /"file"/],
    ['', 'config', /"unknown"/],
  ] as const)
    it(`${filename.slice(0, 60)} is refused: ${code}`, () => {
      const place = serialPlace(filename);
      assert.ok(!place.ok);
      assert.equal(place.error.code, code);
      assert.match(place.error.because, words);
    });

  it('whatever a QEMU says, only whole paths and real ports come out', () => {
    const said = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('unix:', 'tcp:'), fc.string())
        .map(([kind, rest]) => `disconnected:${kind}${rest},server=on`),
    );
    fc.assert(
      fc.property(said, (filename) => {
        const place = serialPlace(filename);
        if (!place.ok) return;
        if (place.value.is === 'unix') assert.ok(place.value.path.startsWith('/') && place.value.path.length <= 107);
        else assert.ok(place.value.port > 0 && place.value.port < 65_536);
      }),
    );
  });
});
