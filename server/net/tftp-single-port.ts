import type { Endpoint, TransferPlace, TransferSocket, TransferSocketEvents } from './tftp-socket.ts';

/**
 * Transfers that have no port of their own, for firmware that takes DATA from the port it asked only. They are told apart
 * by the client's address and port; that a closed port is never heard of costs them their timeouts.
 */
export class SinglePort {
  readonly #running = new Map<string, TransferSocketEvents>();

  /** A transfer on the port that was asked; `send` puts one datagram on the wire. A newer one takes an older one's place. */
  open(
    { local, client }: TransferPlace,
    events: TransferSocketEvents,
    send: (packet: Uint8Array | Uint8Array[]) => void,
  ): TransferSocket {
    const key = keyOf(local, client);
    this.#running.set(key, events);
    return {
      send: (packet) => {
        send(packet instanceof Uint8Array ? packet : [...packet]);
      },
      sendRun: () => false,
      close: () => {
        if (this.#running.get(key) === events) this.#running.delete(key);
      },
    };
  }

  /** Hands a datagram to its transfer; false when there is none. */
  received(local: string, client: Endpoint, datagram: Uint8Array): boolean {
    const events = this.#running.get(keyOf(local, client));
    events?.received(datagram);
    return events !== undefined;
  }
}

function keyOf(local: string, client: Endpoint): string {
  return `${local}/${client.address}/${client.port}`;
}
