/** What the tests use of the npm package `dhcp` (infusion/node-dhcp 0.2.20), which ships no types of its own. */
declare module 'dhcp' {
  /** A message as its codec reads it: addresses as dotted text, options by code. */
  export interface Message {
    readonly yiaddr: string;
    readonly siaddr: string;
    readonly options: Readonly<Record<number, unknown>>;
  }

  interface Client {
    on(event: 'message', listener: (message: Message) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'listening', listener: () => void): void;
    listen(): void;
    close(): void;
    sendDiscover(): void;
    _send(host: string, message: Message): void;
  }

  const dhcp: {
    createClient(config: { readonly mac: string; readonly features: readonly string[] }): Client;
    readonly DHCPOFFER: number;
  };
  export default dhcp;
}
