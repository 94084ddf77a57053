import { once } from 'node:events';
import { createServer } from 'node:net';
import type { FieldValues } from '../../server/core/field.ts';
import { createProgramWatch } from '../../server/edges/program-watch.ts';
import type { KitEdges, KitFault, KitTarget } from '../../server/services/driver-kit/kit-rule.ts';
import type { DriverBench } from './driver-bench.ts';
import { engineInMemory } from './kit-engine.ts';
import { realEdges } from './ipmi-crypto.ts';

/** What stays open between calls is one of these; the timers and files of the tests themselves are none of a driver's. */
const KINDS = ['TCPSocketWrap', 'UDPWrap', 'PipeWrap', 'ProcessWrap', 'TLSWrap'];

/** The kit's world in tests: real time, the real engine, and this process as the one that must stay clean. */
export function kitEdges(trap: KitEdges['trap']): KitEdges {
  const programs = createProgramWatch(realEdges);
  const edges = { ...realEdges, rng: programs.rng };
  return {
    ...edges,
    engine: (driver, parameters) => engineInMemory(edges, driver, parameters),
    watch: (secrets) => programs.watch(secrets),
    memoryOctets: () => process.memoryUsage().rss,
    resources: () => process.getActiveResourcesInfo().filter((kind) => KINDS.includes(kind)),
    ...(trap ? { trap } : {}),
  };
}

/** A bench as the kit's target. */
export function targetOf(bench: DriverBench): KitTarget {
  return {
    driver: bench.driver,
    device: 'pretend',
    parameters: bench.parameters,
    secretField: bench.secretField,
    maySwitch: true,
    truth: () => bench.truth(),
    misbehave: async (how) => {
      if (how === 'gone') return elsewhere(bench);
      return (await canBe(bench, how)) ? bench.parameters : undefined;
    },
    behave: () => bench.misbehave('not'),
    seen: () => Promise.resolve(bench.seen()),
  };
}

/** The same device on a port where nobody listens, where the driver can be told a port. */
async function elsewhere({ driver, parameters }: DriverBench): Promise<FieldValues | undefined> {
  if (driver.fields['port']?.kind !== 'port' || !Object.hasOwn(parameters, 'host')) return undefined;
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof at === 'object' && at ? { ...parameters, port: at.port } : undefined;
}

async function canBe(bench: DriverBench, how: Exclude<KitFault, 'gone'>): Promise<boolean> {
  try {
    await bench.misbehave(how);
    return true;
  } catch (thrown) {
    if ((thrown instanceof Error ? thrown.message : String(thrown)).includes('unsupported')) return false;
    throw thrown;
  }
}
