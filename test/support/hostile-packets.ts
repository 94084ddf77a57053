import { request, type RequestOptions } from 'node:http';

/** A repeatable source of rubbish: a failing run can be run again. */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function header(mac: readonly number[], xid: number): Uint8Array {
  const octets = new Uint8Array(240);
  octets.set([1, 1, 6, 0]);
  new DataView(octets.buffer).setUint32(4, xid);
  octets.set(mac, 28);
  octets.set([99, 130, 83, 99], 236);
  return octets;
}

const joined = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** DHCP as no honest firmware sends it (threat model rows 7, 8, 18, 20). */
export function hostileDhcp(seed: number): readonly Uint8Array[] {
  const roll = dice(seed);
  const mac = (): number[] => [2, roll(256), roll(256), roll(256), roll(256), roll(256)];
  const whole = (): Uint8Array => header(mac(), roll(2 ** 31));
  const longText = [12, 255, ...new Array<number>(255).fill(0x3c)];
  const named: readonly Uint8Array[] = [
    new Uint8Array(0),
    whole().subarray(0, 17),
    whole(),
    joined(whole(), [53, 1]),
    joined(whole(), [53, 255, 1]),
    joined(whole(), [53, 1, 99, 255]),
    joined(whole(), [53, 0, 255]),
    joined(whole(), [53, 1, 2, 255]),
    joined(whole(), [53, 1, 1, 52, 1, 3, 255]),
    joined(whole(), [53, 1, 1, 82, 200, 1, 199, 255]),
    joined(whole(), [53, 1, 1, 61, 0, 255]),
    joined(whole(), [53, 1, 1, 57, 2, 0, 0, 255]),
    joined(whole(), [53, 1, 1, 93, 1, 0, 97, 3, 0, 1, 2, 255]),
    joined(whole(), [53, 1, 1, ...longText, ...longText, 255]),
    joined(whole(), [53, 1, 1, 60, 9, ...new TextEncoder().encode('{{7*7}}\n\0'), 255]),
    joined(header([255, 255, 255, 255, 255, 255], 1), [53, 1, 1, 255]),
    joined(header([0, 0, 0, 0, 0, 0], 2), [53, 1, 1, 255]),
    joined(whole(), [53, 1, 3, 50, 4, 255, 255, 255, 255, 54, 4, 0, 0, 0, 0, 255]),
    joined(whole(), [53, 1, 4, 50, 4, 10, 96, 1, roll(256), 54, 4, 10, 96, 0, 1, 255]),
    joined(whole(), [53, 1, 1], new Uint8Array(1200).fill(0)),
  ];
  const relayed = joined(whole(), [53, 1, 1, 255]);
  relayed.set([203, 0, 113, 9], 24);
  const rubbish = Array.from({ length: 200 }, () => Uint8Array.from({ length: roll(700) }, () => roll(256)));
  const bent = Array.from({ length: 200 }, () => {
    const octets = joined(whole(), [53, 1, 1, 55, 3, 1, 3, 6, 255]);
    for (let change = 0; change < 8; change += 1) octets[roll(octets.length)] = roll(256);
    return octets;
  });
  const declines = Array.from({ length: 300 }, (_, nth) =>
    joined(whole(), [53, 1, 4, 50, 4, 10, 96, 1, nth & 255, 54, 4, 10, 96, 0, 1, 255]),
  );
  const strangers = Array.from({ length: 2000 }, () => joined(whole(), [53, 1, 1, 255]));
  return [...named, relayed, ...rubbish, ...bent, ...declines, ...strangers];
}

/** A DHCP message that asks to boot, with the broadcast flag, from a made-up MAC. */
function bootRequest(mac: readonly number[], xid: number, type: number, options: readonly number[]): Uint8Array {
  const octets = joined(
    header(mac, xid),
    [53, 1, type, 60, 9, ...new TextEncoder().encode('PXEClient')],
    options,
    [255],
  );
  octets[10] = 0x80;
  return octets;
}

/** As many DISCOVERs of boards that do not exist. */
export function madeUpBoards(seed: number, count: number): readonly Uint8Array[] {
  const roll = dice(seed);
  const asks = [93, 2, 0, 7, 55, 2, 66, 67];
  return Array.from({ length: count }, () =>
    bootRequest([2, roll(256), roll(256), roll(256), roll(256), roll(256)], roll(2 ** 31), 1, asks),
  );
}

/** One client that takes an address only to say that somebody else has it; tells which message comes next. */
export function decliner(nth: number): {
  readonly xid: number;
  readonly discover: Uint8Array;
  /** The answer to an OFFER (2) or an ACK (5) of `yiaddr` by `server`. */
  answer(type: number, yiaddr: Uint8Array, server: Uint8Array): Uint8Array | undefined;
} {
  const mac = [6, 0xde, 0xc1, 0, nth >> 8, nth & 255];
  const xid = 0x0dec_0000 + nth;
  return {
    xid,
    discover: bootRequest(mac, xid, 1, []),
    answer: (type, yiaddr, server) => {
      const which = [50, 4, ...yiaddr, 54, 4, ...server];
      if (type === 2) return bootRequest(mac, xid, 3, which);
      return type === 5 ? bootRequest(mac, xid, 4, which) : undefined;
    },
  };
}

/** TFTP requests as no honest loader sends them (rows 10, 11, 20). */
export function hostileTftp(seed: number): readonly Uint8Array[] {
  const roll = dice(seed);
  const ask = (opcode: number, name: string, ...rest: readonly string[]): Uint8Array =>
    joined([0, opcode], new TextEncoder().encode([name, ...rest, ''].join('\0')));
  const names = [
    ...['../../../../etc/shadow', '/etc/passwd', '..\\..\\etc\\passwd', 'boot/../../data/farrier.db', '//etc/passwd'],
    ...[
      'C:\\x',
      'boot/',
      '',
      '.',
      '..',
      'a'.repeat(400),
      '\u0001\u0002',
      'boot/%2e%2e/x',
      '/proc/self/environ',
      '/dev/zero',
    ],
  ];
  const asked = names.map((name) => ask(1, name, 'octet'));
  const strange = [
    new Uint8Array(0),
    Uint8Array.of(0),
    Uint8Array.of(0, 1),
    Uint8Array.of(0, 99, 1, 2),
    ask(1, 'x'),
    ask(1, 'x', 'netascii'),
    ask(1, 'x', 'mail'),
    ask(2, 'x', 'octet'),
    ask(1, 'boot.scr.uimg', 'octet', 'blksize', '0'),
    ask(1, 'boot.scr.uimg', 'octet', 'blksize', '99999999999'),
    ask(1, 'boot.scr.uimg', 'octet', 'windowsize', '65535', 'blksize', '8'),
    ask(1, 'boot.scr.uimg', 'octet', 'timeout', '-1', 'tsize', 'NaN'),
    Uint8Array.of(0, 3, 0, 1, 1),
    Uint8Array.of(0, 4, 0, 1),
    Uint8Array.of(0, 5, 0, 0),
  ];
  const dead = Array.from({ length: 2000 }, () => ask(1, 'pxelinux.cfg/default', 'octet'));
  const rubbish = Array.from({ length: 200 }, () => Uint8Array.from({ length: roll(600) }, () => roll(256)));
  return [...asked, ...strange, ...rubbish, ...dead];
}

/** HTTP requests that must cost nothing but themselves (rows 15, 16, 18, 20); each gives the status it got. */
export async function hostileHttp(port: number, host: string): Promise<readonly number[]> {
  const big = 'x'.repeat(3 << 20);
  const json = { 'Content-Type': 'application/json' };
  const token = { Authorization: `Bearer ${'0'.repeat(32)}` };
  const asked: readonly (readonly [RequestOptions, string])[] = [
    [{ path: '/boot/../../etc/passwd' }, ''],
    [{ path: '/boot/%2e%2e/%2e%2e/etc/passwd' }, ''],
    [{ path: `/${'a'.repeat(9000)}` }, ''],
    [{ path: '/api/v1/machines' }, ''],
    [{ path: '/api/v1/machines', method: 'POST', headers: json }, '{'],
    [{ path: '/agent/v1/facts', method: 'POST', headers: { ...json, ...token } }, JSON.stringify({ uname: big })],
    [{ path: '/agent/v1/facts', method: 'POST', headers: { ...json, ...token } }, '[[[['],
    [{ path: '/agent/v1/step', method: 'POST', headers: json }, '{"step":"x"}'],
    [{ path: '/boot/0000000000000000/linux', headers: { Range: 'bytes=9-1,-0,5-' } }, ''],
    [{ path: '/boot/0000000000000000/linux', headers: { 'X-Long': 'y'.repeat(15_000) } }, ''],
  ];
  return Promise.all(asked.map(([options, body]) => status({ ...options, host, port, agent: false }, body)));
}

/** 0: the server broke off, which is an answer too. */
function status(options: RequestOptions, body: string): Promise<number> {
  return new Promise((resolve) => {
    const asking = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asking.once('error', () => {
      resolve(0);
    });
    asking.end(body);
  });
}
