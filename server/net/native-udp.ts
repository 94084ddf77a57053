import type { Ipv4 } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';

/** What a system call came to: its answer, or the error's number (errno.h). */
export type Called = { readonly value: number } | { readonly errno: number };

/** The few UDP system calls that dgram has no words for. Each answers at once; none ever waits. */
export interface UdpCalls {
  /** A new non-blocking UDP socket, bound to `address` and `port`, which others may share. */
  open(address: Ipv4, port: number): Called;
  /** Cuts what is sent from now on into datagrams of so many octets; 0 sends whole again (udp(7), UDP_SEGMENT). */
  setSegment(fd: number, octets: number): Called;
  /** One send(2) on a connected socket. */
  send(fd: number, octets: Uint8Array): Called;
  close(fd: number): void;
}

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** The numbers above are those of Linux on these; others have their own. */
const PROCESSORS: readonly string[] = ['x64', 'arm64'];

/**
 * Loads the calls from the system's C library through koffi, an optional package. The error says why there are none: no
 * such package, another system. This is the one module that hands addresses to native code: every length given beside
 * an address is that of the very array the address is taken from.
 */
export async function loadUdpCalls(platform: string, processor: string): Promise<Result<UdpCalls>> {
  if (platform !== 'linux' || !PROCESSORS.includes(processor)) return err(`not made for ${platform} on ${processor}`);
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load('libc.so.6');
    const calls = {
      socket: libc.func('int socket(int domain, int type, int protocol)'),
      bind: libc.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
      setsockopt: libc.func('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)'),
      send: libc.func('long send(int fd, const uint8_t *octets, size_t length, int flags)'),
      close: libc.func('int close(int fd)'),
    };
    return ok(
      udpCalls(calls, (answer) =>
        typeof answer === 'number' && answer >= 0 ? { value: answer } : { errno: koffi.errno() },
      ),
    );
  } catch (error) {
    return err(error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error));
  }
}

type Native = (...args: readonly (number | Uint8Array)[]) => unknown;

function udpCalls(
  libc: Readonly<Record<'socket' | 'bind' | 'setsockopt' | 'send' | 'close', Native>>,
  called: (answer: unknown) => Called,
): UdpCalls {
  const setOption = (fd: number, level: number, name: number, value: number): Called => {
    const octets = new Uint8Array(Int32Array.of(value).buffer);
    return called(libc.setsockopt(fd, level, name, octets, octets.length));
  };
  const bound = (fd: number, address: Ipv4, port: number): Called => {
    const shared = setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if ('errno' in shared) return shared;
    const sockaddr = socketAddress(address, port);
    return called(libc.bind(fd, sockaddr, sockaddr.length));
  };
  return {
    open: (address, port) => {
      const socket = called(libc.socket(AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0));
      if ('errno' in socket) return socket;
      const end = bound(socket.value, address, port);
      if ('errno' in end) libc.close(socket.value);
      return 'errno' in end ? end : socket;
    },
    setSegment: (fd, octets) => setOption(fd, SOL_UDP, UDP_SEGMENT, octets),
    send: (fd, octets) => called(libc.send(fd, octets, octets.length, 0)),
    close: (fd) => {
      libc.close(fd);
    },
  };
}

/** `struct sockaddr_in`: the family in the machine's order, port and address in the network's (ip(7)). */
function socketAddress(address: Ipv4, port: number): Uint8Array {
  const octets = new Uint8Array(16);
  octets.set(new Uint8Array(Uint16Array.of(AF_INET).buffer));
  const view = new DataView(octets.buffer);
  view.setUint16(2, port);
  view.setUint32(4, address);
  return octets;
}
