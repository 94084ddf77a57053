import { createSocket, type Socket } from 'node:dgram';
import snmp, { type Agent, type MibRequest, type SessionSocket, type TableProvider, type User } from 'net-snmp';
import type { Clock } from '../../server/ports/clock.ts';
import { pretendMachine, SLOW_MS, type Misbehaviour, type PretendMachine } from './machine.ts';

/** Outlets of the pretend PDU; the machine hangs on one of them, the others are off for ever. */
const OUTLETS = 8;
/** PowerNet-MIB: the entries of the tables that switch (column 4) and tell (column 4) the outlets of a rack PDU. */
const CONTROL = '1.3.6.1.4.1.318.1.1.12.3.3.1.1';
const STATUS = '1.3.6.1.4.1.318.1.1.12.3.5.1.1';
/** SNMPv2-MIB: what an AP79xx rack PDU says it is. */
const SYS_OBJECT_ID = '1.3.6.1.2.1.1.2';
const RACK_PDU = '1.3.6.1.4.1.318.1.3.4.5';
const FLOOD = 400;

/** Who may do what; a name that is not listed is answered with silence, or with a report in version 3. */
export interface SnmpAccess {
  readonly writers: readonly (string | User)[];
  readonly readers: readonly (string | User)[];
}

/** A pretend APC rack PDU and what a test may see of it. */
export interface PretendSnmpPdu {
  readonly port: number;
  readonly machine: PretendMachine;
  /** Values written to the machine's outlet, in order. */
  orders(): readonly number[];
  seen(): readonly { readonly beganMs: number; readonly endedMs: number }[];
  misbehave(how: Misbehaviour): void;
  close(): void;
}

/** Starts one on the loopback interface: net-snmp's own agent, with outlets behind it. */
export async function startPretendSnmpPdu(options: {
  readonly clock: Clock;
  readonly outlet: number;
  readonly access: SnmpAccess;
}): Promise<PretendSnmpPdu> {
  const { clock, outlet, access } = options;
  const machine = pretendMachine(clock);
  const orders: number[] = [];
  const seen: { beganMs: number; endedMs: number }[] = [];
  const wire = createSocket('udp4');
  let how: Misbehaviour = 'not';
  let isDenied = false;
  const socket = misbehaving(wire, clock, seen, {
    how: () => how,
    wasDenied: () => {
      const was = isDenied;
      isDenied = false;
      return was;
    },
  });
  const agent = snmp.createAgent(
    { dgramModule: { createSocket: () => socket }, accessControlModelType: snmp.AccessControlModelType.Simple },
    (error) => {
      isDenied ||=
        error instanceof snmp.ResponseInvalidError && error.code === snmp.ResponseInvalidCode['EAuthFailure'];
    },
  );
  admit(agent, access);
  const order = (value: number): void => {
    orders.push(value);
    if (value <= 2) machine.order(value === 1);
  };
  addTable(agent, 'control', CONTROL, outlet, { read: () => (machine.isOn() ? 1 : 2), write: order });
  tellKind(agent);
  addTable(agent, 'status', STATUS, outlet, { read: () => (machine.look() ? 1 : 2) });
  await new Promise<void>((resolve) => {
    wire.bind(0, '127.0.0.1', resolve);
  });
  return {
    port: wire.address().port,
    machine,
    orders: () => orders,
    seen: () => seen,
    misbehave: (next) => {
      how = next;
      machine.misbehave(next);
    },
    close: () => {
      wire.close();
    },
  };
}

function admit(agent: Agent, { writers, readers }: SnmpAccess): void {
  const authorizer = agent.getAuthorizer();
  const model = authorizer.getAccessControlModel();
  const { ReadOnly, ReadWrite } = snmp.AccessLevel;
  for (const [list, level] of [
    [writers, ReadWrite],
    [readers, ReadOnly],
  ] as const)
    for (const each of list)
      if (typeof each === 'string') {
        authorizer.addCommunity(each);
        model.setCommunityAccess(each, level);
      } else {
        authorizer.addUser(each);
        model.setUserAccess(each.name, level);
      }
}

function tellKind(agent: Agent): void {
  agent.getMib().registerProvider({
    name: 'sysObjectID',
    type: snmp.MibProviderType.Scalar,
    oid: SYS_OBJECT_ID,
    scalarType: snmp.ObjectType.OID,
    maxAccess: snmp.MaxAccess['read-only'],
  });
  agent.getMib().setScalarValue('sysObjectID', RACK_PDU);
}

function addTable(
  agent: Agent,
  name: string,
  oid: string,
  outlet: number,
  cell: { readonly read: () => number; readonly write?: (value: number) => void },
): void {
  const { Integer } = snmp.ObjectType;
  const mib = agent.getMib();
  const hides = snmp.MaxAccess['not-accessible'];
  const access = snmp.MaxAccess[cell.write ? 'read-write' : 'read-only'];
  let last: MibRequest | undefined;
  const provider: TableProvider = {
    name,
    type: snmp.MibProviderType.Table,
    oid,
    maxAccess: hides,
    tableColumns: [
      { number: 1, name: `${name}Index`, type: Integer, maxAccess: hides },
      { number: 4, name: `${name}Value`, type: Integer, maxAccess: access },
    ],
    tableIndex: [{ columnName: `${name}Index` }],
    handler: (request) => {
      if (request.oid.endsWith(`.${outlet}`)) {
        // A set comes twice, to be tested and to be done.
        if (request.operation !== snmp.PduType.SetRequest) request.instanceNode.value = cell.read();
        else if (request !== last) cell.write?.(Number(request.setValue));
        last = request;
      }
      request.done();
    },
  };
  mib.registerProvider(provider);
  for (let number = 1; number <= OUTLETS; number += 1) mib.addTableRow(name, [number, 2]);
}

function misbehaving(
  wire: Socket,
  clock: Clock,
  seen: { beganMs: number; endedMs: number }[],
  state: { readonly how: () => Misbehaviour; readonly wasDenied: () => boolean },
): SessionSocket {
  const { how } = state;
  return {
    on: (event, listener) => {
      wire.on(event, (...given: readonly unknown[]) => {
        if (event === 'message') {
          if (how() === 'silent') return;
          seen.push({ beganMs: clock.monotonicMs(), endedMs: Infinity });
        }
        Reflect.apply(listener, undefined, given);
        // The package answers a wrong digest with silence; told that there is none, it sends the report that is due.
        const [octets, from] = given;
        if (state.wasDenied() && Buffer.isBuffer(octets))
          Reflect.apply(listener, undefined, [withoutDigest(octets), from]);
      });
    },
    send: (octets, offset, length, port, address, sent) => {
      const visit = seen.at(-1);
      const reply = octets.subarray(offset, offset + (how() === 'half' ? length / 2 : length));
      const answer = (): void => {
        if (visit) visit.endedMs = clock.monotonicMs();
        if (how() === 'flood') for (let at = 0; at < FLOOD; at += 1) wire.send('rubbish', port, address);
        else wire.send(reply, port, address, sent);
      };
      if (how() === 'slow') clock.after(SLOW_MS, answer);
      else answer();
    },
    bind: () => undefined,
    ref: () => undefined,
    unref: () => undefined,
    close: () => undefined,
  };
}

/** The datagram with its flag of authentication cleared: flags and security model of SNMPv3's header stand side by side. */
function withoutDigest(octets: Buffer): Buffer {
  const copy = Buffer.from(octets);
  const at = copy.indexOf(Buffer.from('040105020103', 'hex'));
  if (at >= 0) copy[at + 2] = 0x04;
  return copy;
}
