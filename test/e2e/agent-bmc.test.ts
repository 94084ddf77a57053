import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startIpmiSim, type IpmiSim } from '../../lab/ipmi-sim.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import { ipmi } from '../../power-drivers/ipmi.ts';
import { formatIpv4, parseMac } from '../../server/core/address.ts';
import { sha256Of } from '../../server/edges/digest.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import { createBmcUserService } from '../../server/services/bmc-user.ts';
import { createEnlistService } from '../../server/services/enlist.ts';
import { createMachineService } from '../../server/services/machines.ts';
import { createPowerService } from '../../server/services/power.ts';
import { createParameterService } from '../../server/services/parameters.ts';
import type { Store } from '../../server/ports/store.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';
import { agentFor, bootAgent, serveDhcp } from '../support/agent-boot.ts';
import { layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { ipmitool } from '../support/ipmitool.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { sampleMachine } from '../support/samples.ts';
import { until } from '../support/until.ts';

const ADDRESS = '10.98.0.1';
const IN_BAND_PORT = 9623;
const TOKEN = '0123456789abcdef0123456789abcdef';
const MAC = '52:54:00:aa:dd:01';
const ADMIN = { host: ADDRESS, port: 623, user: 'admin', password: 'vendors-own', suite: '3' };

/** What the BMC's set-up says of its LAN, as OpenIPMI's `lan_config_program` is asked for it. */
const LAN_PROGRAM = `#!/bin/sh
case "$2" in
ip_addr_src) echo ip_addr_src:static ;;
ip_addr) echo ip_addr:${ADDRESS} ;;
subnet_mask) echo subnet_mask:255.255.255.0 ;;
mac_addr | *_gw_mac_addr) echo "$2:52:54:00:00:00:99" ;;
*) echo "$2:0.0.0.0" ;;
esac
`;
const POWER_PROGRAM = '#!/bin/sh\n[ "$2" = get ] && echo "power:1"\nexit 0\n';

describe('a BMC found by the agent', function () {
  this.timeout(600_000);
  let folder: string;
  let lan: Lan;
  let stopDhcp: () => Promise<void>;
  let sim: IpmiSim;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-bmc-'));
    for (const [name, text] of [
      ['lan', LAN_PROGRAM],
      ['power', POWER_PROGRAM],
    ] as const) {
      await writeFile(join(folder, name), text);
      await chmod(join(folder, name), 0o755);
    }
    lan = await layLan('bmc0', `${ADDRESS}/24`);
    await lan.addTap('bmctap0');
    stopDhcp = await serveDhcp('bmc0', '10.98.0');
    sim = await startIpmiSim({
      ...{ address: ADDRESS, port: 623, user: ADMIN.user, password: ADMIN.password },
      ...{ powerProgram: join(folder, 'power'), lanProgram: join(folder, 'lan'), inBandPort: IN_BAND_PORT },
    });
  });
  after(async () => {
    await sim.stop();
    await stopDhcp();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  /** The HTTP server with real machines, power, enlistment and the real IPMI driver; a boot with TOKEN is under way. */
  async function layWorld(store: Store): Promise<HttpLab> {
    const lab = layHttpLab((deps) => {
      const byName = (name: string): typeof ipmi | undefined => (name === ipmi.name ? ipmi : undefined);
      const drivers = { list: () => [ipmi], byName, fileOf: () => undefined, problems: () => [] };
      const sealed = new Map<string, string>();
      const vault = {
        seal: (plain: string) => {
          sealed.set(sha256Of(plain), plain);
          return sha256Of(plain);
        },
        open: (text: string) => sealed.get(text) ?? '',
      };
      const all = {
        ...deps,
        store,
        drivers,
        vault,
        rng: realRng,
        networks: () => [],
        leases: () => [],
        readTree: readFdt,
      };
      const enlist = createEnlistService({
        ...all,
        ...{ machines: store.machines, boots: store.boots, events: store.events, sha256: sha256Of },
        isHolderKnown: () => false,
        macOfAddress: () => undefined,
        seen: () => Promise.resolve([]),
        recognise: () => undefined,
      });
      const machines = createMachineService(all);
      const power = createPowerService({ ...all, planNext: () => Promise.resolve(undefined) });
      const parameters = createParameterService(all);
      const bmcUsers = createBmcUserService({ ...all, enlist, machines, power, parameters, events: store.events });
      return { store, enlist, machines, power, parameters, drivers, bmcUsers };
    });
    const mac = parseMac(MAC);
    assert.ok(mac.ok);
    const machine = sampleMachine(1, { macs: [mac.value] });
    await store.machines.add(machine, []);
    const boot = { id: 'b-1', machine: machine.id, startedMs: realClock.now(), plan: 'agent' };
    await store.boots.add({ ...boot, tokenHash: sha256Of(TOKEN) });
    await lab.deps.parameters.set({ scope: 'machine', subject: machine.name }, 'bmc.own-user', true, 'test');
    return lab;
  }

  it('gets a user of our own from the inside, and is switched by it from outside', async () => {
    const agent = await agentFor('amd64', { ipmi: true });
    const store = createMemoryStore(realClock);
    const lab = await layWorld(store);
    const server = createServer(lab.app.handlerFor('tcp')).listen(0, ADDRESS);
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    const bmc = ['-chardev', `socket,id=ipmi0,host=127.0.0.1,port=${String(IN_BAND_PORT)},reconnect=5`];
    bmc.push('-device', 'ipmi-bmc-extern,id=bmc0,chardev=ipmi0', '-device', 'isa-ipmi-kcs,bmc=bmc0');
    const args = [`farrier.url=http://${ADDRESS}:${String(port)}`, `farrier.token=${TOKEN}`];
    const guest = bootAgent(agent, 'bmctap0', MAC, args, bmc);
    const told = async (): Promise<string> =>
      (await store.events.list({ limit: 100 })).map(({ severity, text }) => `${severity}: ${text}`).join('\n');
    try {
      const everything = async (): Promise<string> => `${await told()}\n${guest.console()}`;
      const isTold = (words: string) => async (): Promise<boolean> => (await told()).includes(words);
      await until('a login of our own', isTold('logged in to its BMC as "farrier"'), 200_000, everything);
      await until('the facts', isTold('good: facts: '), 200_000, everything);
    } finally {
      await guest.stop();
      server.closeAllConnections();
      server.close();
    }
    const [machine] = await store.machines.list();
    assert.deepEqual(machine?.power?.driver, 'ipmi');
    assert.equal(machine.powerSeen?.state, 'on');
    assert.equal(formatIpv4(machine.facts?.bmcAddress ?? assert.fail('the facts name the BMC')), ADDRESS);
    // The vendor's user is as it was, ours is an operator, and ipmitool sees both.
    assert.match(await ipmitool(ADMIN, 'user', 'list', '1'), /3 +farrier +.*OPERATOR/);
    const secret = [...(await store.secrets.ofMachine(machine.id)).keys()];
    assert.deepEqual(secret, ['password']);
    assert.ok(!guest.console().includes('user set password'), 'no order with a password is on the console');
  });
});
