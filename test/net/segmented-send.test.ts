import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ipv4 } from '../../server/core/address.ts';
import { loadUdpCalls, type Called, type UdpCalls } from '../../server/net/native-udp.ts';
import { probeSegmenting, type Segmenting, type SegmentingPort } from '../../server/net/segmented-send.ts';

const HERE = ipv4(0x7f000001);

/** Calls that do as they are told, and remember. */
function pretendCalls(answers: { open?: Called; setSegment?: Called[]; send?: Called[] } = {}) {
  const seen = { sent: [] as number[], segments: [] as number[], closed: [] as number[], opened: 0 };
  const calls: UdpCalls = {
    open: () => {
      seen.opened += 1;
      return answers.open ?? { value: 7 };
    },
    setSegment: (_fd, octets) => {
      seen.segments.push(octets);
      return answers.setSegment?.shift() ?? { value: 0 };
    },
    send: (_fd, octets) => {
      seen.sent.push(octets.length);
      return answers.send?.shift() ?? { value: octets.length };
    },
    close: (fd) => {
      seen.closed.push(fd);
    },
  };
  return { calls, seen };
}

const probed = (calls: UdpCalls): Segmenting => {
  const found = probeSegmenting(calls);
  assert.ok(found.ok);
  return found.value;
};

const opened = (calls: UdpCalls): SegmentingPort => {
  const port = probed(calls).open(HERE, 1, 1472);
  assert.ok(port);
  return port;
};

describe('segmented sending', () => {
  it('probes once, and leaves no socket behind', () => {
    const { calls, seen } = pretendCalls();
    probed(calls);
    assert.deepEqual(seen, { sent: [], segments: [1472], closed: [7], opened: 1 });
  });

  it('is not there on a kernel that does not know the option', () => {
    const { calls, seen } = pretendCalls({ setSegment: [{ errno: 92 }] });
    assert.deepEqual(probeSegmenting(calls), { ok: false, error: 'this kernel does not cut packets (errno 92)' });
    assert.deepEqual(seen.closed, [7]);
  });

  it('is not there where no socket can be had', () => {
    const found = probeSegmenting(pretendCalls({ open: { errno: 24 } }).calls);
    assert.deepEqual(found, { ok: false, error: 'a UDP socket could not be opened (errno 24)' });
  });

  it('opens no port where the kernel will not, and leaves none open', () => {
    const { calls, seen } = pretendCalls({ setSegment: [{ value: 0 }, { errno: 22 }] });
    assert.equal(probed(calls).open(HERE, 1, 516), undefined);
    assert.deepEqual(seen.closed, [7, 7]);
  });

  it('splits a run at 64 packets and at what UDP carries', () => {
    const small = pretendCalls();
    probed(small.calls)
      .open(HERE, 1, 516)
      ?.sendRun(new Uint8Array(65 * 516));
    assert.deepEqual(small.seen.sent, [64 * 516, 516]);
    const large = pretendCalls();
    probed(large.calls)
      .open(HERE, 1, 1472)
      ?.sendRun(new Uint8Array(50 * 1472 + 10));
    assert.deepEqual(large.seen.sent, [44 * 1472, 6 * 1472 + 10]);
  });

  for (const [errno, name] of [
    [22, 'EINVAL'],
    [90, 'EMSGSIZE'],
    [5, 'EIO'],
    [101, 'ENETUNREACH'],
  ] as const)
    it(`${name}: the option is cleared and never tried again on that port`, () => {
      const { calls, seen } = pretendCalls({ send: [{ errno }] });
      const port = opened(calls);
      assert.equal(port.sendRun(new Uint8Array(2944)), 'refused');
      assert.equal(port.sendRun(new Uint8Array(2944)), 'refused');
      assert.deepEqual([seen.sent.length, seen.segments], [1, [1472, 1472, 0]]);
    });

  for (const [errno, name] of [
    [11, 'EAGAIN'],
    [105, 'ENOBUFS'],
  ] as const)
    it(`${name}: the rest of the window is left to the timer`, () => {
      const { calls, seen } = pretendCalls({ send: [{ errno }] });
      const port = opened(calls);
      assert.equal(port.sendRun(new Uint8Array(50 * 1472)), 'taken');
      assert.equal(seen.sent.length, 1);
      assert.equal(port.sendRun(new Uint8Array(2944)), 'taken');
    });

  it('ECONNREFUSED: the client has closed its port', () => {
    const { calls } = pretendCalls({ send: [{ errno: 111 }] });
    assert.equal(probed(calls).open(HERE, 1, 1472)?.sendRun(new Uint8Array(2944)), 'port-closed');
  });

  it('has no calls on another system, and says so', async () => {
    assert.deepEqual(await loadUdpCalls('darwin', 'arm64'), { ok: false, error: 'not made for darwin on arm64' });
    assert.deepEqual(await loadUdpCalls('linux', 'ia32'), { ok: false, error: 'not made for linux on ia32' });
  });

  it('through the real calls, one run arrives as its datagrams, octet by octet', async () => {
    const calls = await loadUdpCalls(process.platform, process.arch);
    assert.ok(calls.ok, 'Linux on x64 or arm64 has the calls; npm ci brings the package');
    const receiver = createSocket('udp4');
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const heard: Buffer[] = [];
    const port = probed(calls.value).open(HERE, 0, 500);
    assert.ok(port);
    const sender = createSocket('udp4');
    sender.bind({ fd: port.fd });
    sender.connect(receiver.address().port, '127.0.0.1');
    await once(sender, 'connect');
    const run = Uint8Array.from({ length: 1203 }, (_, index) => index % 251);
    assert.equal(port.sendRun(run), 'taken');
    await new Promise<void>((resolve) => {
      receiver.on('message', (datagram) => {
        heard.push(datagram);
        if (heard.length === 3) resolve();
      });
    });
    assert.deepEqual(
      heard.map((datagram) => datagram.length),
      [500, 500, 203],
    );
    assert.deepEqual(Buffer.concat(heard), Buffer.from(run));
    sender.close();
    receiver.close();
  });

  it('a socket whose client has gone is told so by the next run', async () => {
    const calls = await loadUdpCalls(process.platform, process.arch);
    assert.ok(calls.ok, 'Linux on x64 or arm64 has the calls; npm ci brings the package');
    const gone = createSocket('udp4');
    gone.bind(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port: closed } = gone.address();
    gone.close();
    const port = probed(calls.value).open(HERE, 0, 500);
    assert.ok(port);
    const sender = createSocket('udp4');
    sender.on('error', () => undefined);
    sender.bind({ fd: port.fd });
    sender.connect(closed, '127.0.0.1');
    await once(sender, 'connect');
    assert.equal(port.sendRun(new Uint8Array(1000)), 'taken');
    let sent = port.sendRun(new Uint8Array(1000));
    while (sent === 'taken') sent = port.sendRun(new Uint8Array(1000));
    assert.equal(sent, 'port-closed');
    sender.close();
  });
});
