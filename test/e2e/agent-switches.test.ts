import { strict as assert } from 'node:assert';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { layLan, type Lan } from '../../lab/netns.ts';
import { PARAMETER_CATALOGUE } from '../../server/core/parameter-catalogue.ts';
import { effectiveParameters, parameterWords } from '../../server/core/parameter.ts';
import { setting } from '../core/parameter-fixtures.ts';
import { inTempFolder } from '../support/archives.ts';
import { agentFor, bootAgent, recordPosts, serveDhcp } from '../support/agent-boot.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const ADDRESS = '10.97.0.1';
const TOKEN = '0123456789abcdef0123456789abcdef';
/** Far longer than it takes: the host may be busy. */
const SAID_WITHIN_MS = 240_000;

/** The words that these switches put on an agent's line. */
function wordsOf(...names: readonly string[]): readonly string[] {
  const settings = names.map((name, index) => setting(index, name, name === 'agent.idle-minutes' ? { value: 7 } : {}));
  return parameterWords(effectiveParameters(PARAMETER_CATALOGUE, settings), 'agent').map((each) => each.word);
}

describe('the debug switches in the agent, booted in QEMU', function () {
  this.timeout(1_800_000);
  let lan: Lan;
  let stopDhcp: () => Promise<void>;

  before(async () => {
    lan = await layLan('switch0', `${ADDRESS}/24`);
    await lan.addTap('switchtap0');
    stopDhcp = await serveDhcp('switch0', '10.97.0');
  });
  after(async () => {
    await stopDhcp();
    await lan.remove();
  });

  it('a shell before and after, every command shown, all kernel messages, and the clock is set', async () => {
    const record = await recordPosts(ADDRESS);
    const args = [
      `farrier.url=http://${ADDRESS}:${record.port}`,
      `farrier.token=${TOKEN}`,
      ...wordsOf('debug.shell-before', 'debug.shell-after', 'debug.trace', 'debug.verbose', 'debug.stay', 'debug.ssh'),
    ];
    const machine = bootAgent(await agentFor('arm64'), 'switchtap0', '52:54:00:aa:cc:01', args);
    const says = (text: string) => (): boolean => machine.console().includes(text);
    try {
      await until('shell before', says('a shell before its work'), SAID_WITHIN_MS, machine.console);
      machine.type('echo answer-$((6*7))\nexit\n');
      await until('answer of the shell', says('answer-42'), SAID_WITHIN_MS, machine.console);
      await until('end of the shell', says('the shell before its work has ended'), SAID_WITHIN_MS, machine.console);
      await until('facts', says('facts accepted'), SAID_WITHIN_MS, machine.console);
      await until('shell after', says('a shell after its work'), SAID_WITHIN_MS, machine.console);
      machine.type('cat /proc/sys/kernel/printk; date -u +year-%Y; exit\n');
      await until(
        'waiting',
        says('waiting for an order, minute 0 of as many as it takes'),
        SAID_WITHIN_MS,
        machine.console,
      );
    } finally {
      await machine.stop();
      record.close();
    }
    const said = machine.console();
    assert.match(said, /farrier-agent \+ udhcpc -i/, 'commands are shown');
    assert.match(said, /no dropbear; build it with: farrier agent build --ssh/);
    assert.match(said, /the clock is set to \w{3}, \d\d \w{3} \d{4} /);
    assert.match(said, new RegExp(`year-${new Date().getUTCFullYear()}`));
    assert.doesNotMatch(said, /\n4\t4\t1\t7/, 'the log level is not taken down');
    assert.ok(record.posts.every((post) => post.token === TOKEN));
    assert.ok(!said.replace(/Kernel command line:.*/g, '').includes(TOKEN), 'the trace does not hold the token');
  });

  it('no signal, no time, a short wait: it joins the network and tells nobody', async () => {
    const record = await recordPosts(ADDRESS);
    const args = [
      `farrier.url=http://${ADDRESS}:${record.port}`,
      `farrier.token=${TOKEN}`,
      ...wordsOf('debug.no-signal', 'debug.no-time', 'agent.idle-minutes'),
    ];
    const machine = bootAgent(await agentFor('arm64'), 'switchtap0', '52:54:00:aa:cc:02', args);
    try {
      const waits = (): boolean => machine.console().includes('waiting for an order, minute 0 of 7');
      await until('waiting for an order', waits, SAID_WITHIN_MS, machine.console);
    } finally {
      await machine.stop();
      record.close();
    }
    assert.match(machine.console(), /address on eth\d after/);
    assert.match(machine.console(), /nothing is told: farrier\.no-signal/);
    assert.doesNotMatch(machine.console(), /the clock is set/);
    assert.deepEqual(record.posts, []);
  });

  it('ssh: the holder of the key is let in and nobody else, and the host key is the one the timeline names', async () => {
    await inTempFolder(async (folder) => {
      const key = (name: string): string => {
        execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', "it's mine", '-f', join(folder, name)]);
        return join(folder, name);
      };
      const [mine, other] = [key('mine'), key('other')];
      const publicKey = readFileSync(`${mine}.pub`, 'utf8').trim().replaceAll("'", "'\\''");
      const lines = `FARRIER_DEBUG_STAY='false'\nFARRIER_SSH_AUTHORIZED_KEYS='${publicKey}'\n`;
      const record = await recordPosts(ADDRESS, () => 200, lines);
      const args = [
        `farrier.url=http://${ADDRESS}:${record.port}`,
        `farrier.token=${TOKEN}`,
        ...wordsOf('debug.ssh', 'debug.stay'),
      ];
      const machine = bootAgent(await agentFor('amd64', { ssh: true }), 'switchtap0', '52:54:00:aa:cc:03', args);
      try {
        await until('facts', () => machine.console().includes('facts accepted'), SAID_WITHIN_MS, machine.console);
        const guest = /has (10\.97\.0\.\d+)\//.exec(machine.console())?.[1] ?? '';
        const ssh = async (identity: string, ...words: readonly string[]): Promise<string> => {
          const { stdout } = await run('timeout', [
            ...['120', 'ssh'],
            ...['-F', '/dev/null', '-i', identity, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
            ...['-o', `UserKnownHostsFile=${join(folder, 'known')}`, '-o', 'StrictHostKeyChecking=accept-new'],
            ...['-o', 'ConnectTimeout=60', `root@${guest}`, ...words],
          ]);
          return stdout;
        };
        assert.equal((await ssh(mine, 'id -un; cut -c1-6 /proc/version')).trim(), 'root\nLinux');
        await assert.rejects(ssh(other, 'true'), /Permission denied/);
        const print = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'known')]).toString();
        const said = /host key (SHA256:[A-Za-z0-9+/]+)/.exec(machine.console())?.[1] ?? 'none';
        assert.ok(print.includes(said), `${print} is not ${said}`);
      } finally {
        await machine.stop();
        record.close();
      }
      const told = record.posts.map((post) => JSON.stringify(post.body)).find((body) => body.includes('ssh is open'));
      assert.match(told ?? '', /host key SHA256:/);
    });
  });
});
