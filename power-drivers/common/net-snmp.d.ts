/** What is used here of the npm package `net-snmp` 3.29.2, which ships no types of its own. */
declare module 'net-snmp' {
  import type { EventEmitter } from 'node:events';

  export interface Varbind {
    readonly oid: string;
    readonly type: number;
    readonly value: unknown;
  }

  export interface User {
    readonly name: string;
    readonly level: number;
    readonly authProtocol?: number;
    readonly authKey?: string;
    readonly privProtocol?: number;
    readonly privKey?: string;
  }

  /** The part of a `dgram.Socket` a session uses; `send` is given buffer, offset, length, port, address and callback. */
  export interface SessionSocket {
    on(event: string, listener: (...given: readonly never[]) => void): unknown;
    send(
      octets: Uint8Array,
      offset: number,
      length: number,
      port: number,
      address: string,
      sent: (error: Error | null, octets?: number) => void,
    ): void;
    bind(port?: number, address?: string | null): unknown;
    ref(): unknown;
    unref(): unknown;
    close(): unknown;
  }

  export interface DgramModule {
    createSocket(transport: 'udp4' | 'udp6'): SessionSocket;
  }

  export interface SessionOptions {
    readonly port: number;
    readonly version?: number;
    readonly transport: 'udp4' | 'udp6';
    readonly retries: number;
    readonly timeout: number;
    readonly reportOidMismatchErrors: boolean;
    readonly dgramModule: DgramModule;
  }

  export type Answered = (error: Error | null, varbinds?: readonly Varbind[]) => void;

  export interface Session extends EventEmitter {
    get(oids: readonly string[], answered: Answered): void;
    set(varbinds: readonly Varbind[], answered: Answered): void;
    close(): void;
  }

  export interface MibRequest {
    readonly operation: number;
    readonly oid: string;
    readonly instanceNode: { value: unknown };
    readonly setValue: unknown;
    done(): void;
  }

  export interface TableProvider {
    readonly name: string;
    readonly type: number;
    readonly oid: string;
    readonly maxAccess: number;
    readonly tableColumns: readonly {
      readonly number: number;
      readonly name: string;
      readonly type: number;
      readonly maxAccess: number;
    }[];
    readonly tableIndex: readonly { readonly columnName: string }[];
    readonly handler: (request: MibRequest) => void;
  }

  export interface ScalarProvider {
    readonly name: string;
    readonly type: number;
    readonly oid: string;
    readonly scalarType: number;
    readonly maxAccess: number;
  }

  export interface Agent {
    getMib(): {
      registerProvider(provider: TableProvider | ScalarProvider): void;
      setScalarValue(name: string, value: unknown): void;
      addTableRow(table: string, row: readonly unknown[]): void;
    };
    getAuthorizer(): {
      addCommunity(community: string): void;
      addUser(user: User): void;
      getAccessControlModel(): {
        setCommunityAccess(community: string, level: number): void;
        setUserAccess(user: string, level: number): void;
      };
    };
    close(): void;
  }

  const snmp: {
    createSession(target: string, community: string, options: SessionOptions): Session;
    createV3Session(target: string, user: User, options: SessionOptions): Session;
    createAgent(
      options: { readonly dgramModule: DgramModule; readonly accessControlModelType: number },
      heard: (error: Error | null) => void,
    ): Agent;
    isVarbindError(varbind: Varbind): boolean;
    readonly Version1: number;
    readonly Version2c: number;
    readonly SecurityLevel: Readonly<Record<'noAuthNoPriv' | 'authNoPriv' | 'authPriv', number>>;
    readonly AuthProtocols: Readonly<Record<string, number>>;
    readonly PrivProtocols: Readonly<Record<string, number>>;
    readonly ObjectType: Readonly<Record<'Integer' | 'OctetString' | 'OID', number>>;
    readonly PduType: Readonly<Record<'GetRequest' | 'SetRequest', number>>;
    readonly MibProviderType: Readonly<Record<'Table' | 'Scalar', number>>;
    readonly MaxAccess: Readonly<Record<'not-accessible' | 'read-only' | 'read-write', number>>;
    readonly AccessControlModelType: Readonly<Record<'Simple', number>>;
    readonly AccessLevel: Readonly<Record<'ReadOnly' | 'ReadWrite', number>>;
    readonly ErrorStatus: Readonly<Record<string, number>>;
    readonly ResponseInvalidCode: Readonly<Record<string, number>>;
    readonly RequestTimedOutError: new (...given: never[]) => Error & { readonly name: 'RequestTimedOutError' };
    readonly RequestFailedError: new (...given: never[]) => Error & { readonly status: number };
    readonly ResponseInvalidError: new (...given: never[]) => Error & { readonly code: number };
  };
  export default snmp;
}
