import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** A bad wire in front of a TFTP server on the loopback: loses, doubles and swaps datagrams in a series that never changes. */
export class BadWire {
  readonly #front = createSocket('udp4');
  readonly #backs = new Map<string, Socket>();
  readonly #tids = new Map<string, number>();
  readonly #serverPort: number;
  readonly #lossPercent: number;
  #seed = 12345;
  #lost = 0;
  #isClosed = false;

  private constructor(serverPort: number, lossPercent: number) {
    this.#serverPort = serverPort;
    this.#lossPercent = lossPercent;
    this.#front.on('message', (datagram, client) => {
      const [back, port] = this.#towardsServer(client);
      const to = datagram[1] === 1 ? this.#serverPort : port();
      this.#carry(() => {
        back.send(datagram, to, '127.0.0.1');
      });
    });
  }

  static async open(serverPort: number, lossPercent: number): Promise<BadWire> {
    const wire = new BadWire(serverPort, lossPercent);
    wire.#front.bind(0, '127.0.0.1');
    await once(wire.#front, 'listening');
    return wire;
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Datagrams lost so far. */
  get lost(): number {
    return this.#lost;
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of [this.#front, ...this.#backs.values()]) socket.close();
  }

  /** The server sees each client at its own address, so that what it knows of one is not mixed with another's. */
  #towardsServer(client: { readonly address: string; readonly port: number }): readonly [Socket, () => number] {
    const key = `${client.address}/${client.port}`;
    const tid = (): number => this.#tids.get(key) ?? this.#serverPort;
    const known = this.#backs.get(key);
    if (known) return [known, tid];
    const back = createSocket('udp4').on('message', (datagram, server) => {
      this.#tids.set(key, server.port);
      this.#carry(() => {
        this.#front.send(datagram, client.port, client.address);
      });
    });
    back.bind(0, client.address);
    this.#backs.set(key, back);
    return [back, tid];
  }

  #carry(send: () => void): void {
    this.#seed = (Math.imul(this.#seed, 1103515245) + 12345) >>> 0;
    const dice = (this.#seed >>> 16) % 100;
    if (dice < this.#lossPercent) this.#lost += 1;
    else if (dice === 99)
      setTimeout(() => {
        if (!this.#isClosed) send();
      }, 3);
    else send();
    if (dice === 98) send();
  }
}
