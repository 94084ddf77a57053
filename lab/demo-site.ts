/** What the daemon is to serve in a demo; whoever wires makes its configuration from it. */
export interface DemoSite {
  readonly dataDir: string;
  /** The admin socket, `<dataDir>/farrier.sock`, where the demo acts as an operator. */
  readonly adminSocket: string;
  /** Where the page listens for the visitors of this host, who are logged in by themselves. */
  readonly webSocket: string;
  /** Where boards reach HTTP. */
  readonly httpListen: string;
  readonly network: {
    readonly name: string;
    readonly interface: string;
    readonly subnet: string;
    readonly address: string;
    readonly pool: string;
  };
  readonly ports: { readonly dhcpServer: number; readonly dhcpClient: number; readonly tftp: number };
  /** Site folders with boards. */
  readonly boards: readonly string[];
  /** Site folders with drivers: the example that speaks to the virtual PDU lies in the first. */
  readonly powerDrivers: readonly string[];
}

/** The daemon as far as the demo needs it. */
export interface DemoDaemon {
  stop(): Promise<void>;
}

/** Starts the daemon of a demo; resolves when it serves. */
export type StartDaemon = (site: DemoSite) => Promise<DemoDaemon>;
