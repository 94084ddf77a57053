import type { Mac } from '../core/address.ts';
import type { BootRecord, NewEvent } from '../core/event.ts';
import type { Facts } from '../core/facts.ts';
import { isCandidate, type Machine, type Recognition } from '../core/machine.ts';
import { factName, isMetName } from '../core/machine-name.ts';
import { fdtSha256Of, parseFacts } from '../core/parse-facts.ts';
import type { RawFacts } from '../core/raw-facts.ts';
import { StaleWrite, Taken, type MachineChange } from '../ports/store.ts';
import type { AgentOutcome, EnlistDeps } from './enlist-deps.ts';

const TRIES = 4;

/**
 * Puts an agent's facts on the machine its token was made for. A candidate takes all of them; on a machine that was
 * accepted they are shown and change nothing else. What the facts claim of other machines is told and not believed.
 */
export async function takeFacts(deps: EnlistDeps, boot: BootRecord, raw: RawFacts): Promise<AgentOutcome> {
  const facts = parseFacts(raw);
  if (facts.arch === undefined && facts.nics.length === 0)
    return { is: 'bad-value', field: 'facts', because: 'neither "uname" nor "net" can be read; is this the agent?' };
  const detail = factsDetail(raw);
  for (let attempt = 1; ; attempt += 1) {
    const machine = await deps.machines.byId(boot.machine);
    if (!machine) return { is: 'forbidden', because: 'the machine of this token is no longer known' };
    const { change, events } = await changeFor(deps, machine, boot, facts, detail);
    const seen = await deps.seen(boot, raw);
    try {
      return { is: 'done', machine: await deps.machines.change(machine, change, [...seen, ...events]) };
    } catch (error) {
      // Somebody wrote in between, or took the name or a MAC: look and decide again.
      if (attempt >= TRIES || !(error instanceof StaleWrite || error instanceof Taken)) throw error;
    }
  }
}

interface Decision {
  readonly change: MachineChange;
  readonly events: readonly NewEvent[];
}

async function changeFor(
  deps: EnlistDeps,
  machine: Machine,
  boot: BootRecord,
  facts: Facts,
  detail: NewEvent['detail'],
): Promise<Decision> {
  const nowMs = deps.clock.now();
  const say = (severity: NewEvent['severity'], text: string, kind: NewEvent['kind'] = 'agent'): NewEvent => ({
    ...{ atMs: nowMs, kind, severity, machine: machine.id, boot: boot.id, text },
    detail: kind === 'agent' ? detail : {},
  });
  const seen = say('good', `facts: ${factsInWords(facts)}`);
  if (!isCandidate(machine)) return { change: { facts, seenMs: nowMs }, events: [seen] };
  const others = (await deps.machines.list()).filter((other) => other.id !== machine.id);
  const { macs, conflicts } = mergeMacs(machine, facts, others);
  const twins = facts.systemUuid === undefined ? [] : others.filter((other) => other.systemUuid === facts.systemUuid);
  const recognised = recogniseAgain(deps, machine, facts);
  const names = new Set(others.map((other) => other.name));
  const name = isMetName(machine.name) ? factName(facts, (each) => names.has(each)) : undefined;
  return {
    change: {
      ...(name === undefined ? {} : { name }),
      facts,
      macs,
      arch: facts.arch ?? machine.arch,
      systemUuid: facts.systemUuid ?? machine.systemUuid,
      recognised: recognised ?? machine.recognised,
      seenMs: nowMs,
    },
    // The last event stands beside the machine in the rack: what it is says more than how it got its name.
    events: [
      ...(recognised
        ? [say('note', `looks like ${recognised.board}: ${recognised.evidence.join('; ')}`, 'state')]
        : []),
      ...(name === undefined ? [] : [say('note', `renamed from ${machine.name} to ${name}, after what it is`, 'edit')]),
      seen,
      ...conflicts.map((words) => say('warning', words, 'security')),
      ...twins.map((twin) => say('warning', `shares its system UUID with "${twin.name}"`, 'security')),
    ],
  };
}

/** The MAC it boots from stays first. A MAC is a name that anybody can send: one that is taken stays where it is. */
function mergeMacs(
  machine: Machine,
  facts: Facts,
  others: readonly Machine[],
): { readonly macs: readonly Mac[]; readonly conflicts: readonly string[] } {
  const fresh = facts.nics.map((nic) => nic.mac).filter((mac) => !machine.macs.includes(mac));
  const ownerOf = (mac: Mac): Machine | undefined => others.find((other) => other.macs.includes(mac));
  const conflicts = fresh.flatMap((mac) => {
    const owner = ownerOf(mac);
    return owner
      ? [`claims ${mac}, which belongs to "${owner.name}"; if they are one machine, remove one of the two`]
      : [];
  });
  return { macs: [...new Set([...machine.macs, ...fresh.filter((mac) => !ownerOf(mac))])], conflicts };
}

function recogniseAgain(deps: EnlistDeps, machine: Machine, facts: Facts): Recognition | undefined {
  const { macs, firmware, systemUuid } = machine;
  const [mac] = macs;
  if (mac === undefined) return undefined;
  const { clientArch, vendorClass, userClass } = firmware ?? {};
  return deps.recognise({ mac, clientArch, vendorClass, userClass, systemUuid, facts });
}

function factsDetail(raw: RawFacts): NewEvent['detail'] {
  const fdtSha256 = fdtSha256Of(raw);
  return { sections: Object.keys(raw).length, ...(fdtSha256 === undefined ? {} : { fdtSha256 }) };
}

/** `QEMU Standard PC, amd64, 1 CPU, 457 MiB, 2 disks, 1 NIC`. */
function factsInWords(facts: Facts): string {
  const count = (number: number, word: string): string => `${String(number)} ${word}${number === 1 ? '' : 's'}`;
  const title = [facts.vendor, facts.product].filter(Boolean).join(' ') || facts.dtModel;
  const words = [
    title,
    facts.arch,
    count(facts.cpuCount, 'CPU'),
    `${String(Math.round(facts.memoryOctets / 1_048_576))} MiB`,
    count(facts.disks.length, 'disk'),
    count(facts.nics.length, 'NIC'),
  ];
  return words.filter((word) => word !== undefined && word !== '').join(', ');
}
