import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import { tryDrivers } from '../../server/daemon/try-drivers.ts';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { createMemoryPowerStore } from '../support/memory-power-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';

const EXAMPLES = fileURLToPath(new URL('../../power-drivers/examples/', import.meta.url));
const PASSWORD = 'pretend-83kd';
/** Where the example answers, and where it has begun. */
const [ANSWERS, DENIED, BEGUN] = ['case $1/$answer in', '*/denied) exit 11', 'read -r fields\n'];

/** What is wrong with it, the rules it breaks by that and no others, and the change of the example. */
const BROKEN: readonly (readonly [string, readonly string[], readonly [string, string]])[] = [
  [
    'believes the ok: tells what it ordered last in place of what it sees',
    ['lies'],
    [
      ANSWERS,
      `[ "$answer" = ok ] && echo "$1" >"$0.last"\n[[ $1/$answer = status/o* && -e $0.last ]] && read -r answer <"$0.last"\n${ANSWERS}`,
    ],
  ],
  [
    'gives a refused password again, in the same call',
    ['wrong-secret'],
    [
      DENIED,
      '*/denied) exec 3<>"/dev/tcp/$(field host)/$(field port)"; echo "$(field password) 1 $1" >&3; read -r answer <&3; exit 11',
    ],
  ],
  ['calls a refused password unreachable, which is tried again', ['wrong-secret'], [DENIED, '*/denied) exit 10']],
  [
    'leaves a program behind that no more says whose it is, as after sudo',
    ['nothing-left'],
    [BEGUN, `${BEGUN}setsid env -i sh -c 'echo $$ >>"$0.left"; exec sleep 600' "$0" </dev/null >/dev/null 2>&1 &\n`],
  ],
  [
    'gives a program the password as an argument',
    ['secrets-kept'],
    [BEGUN, `${BEGUN}sh -c 'sleep 0.2; :' "$(echo "$fields" | sed 's/.*"password":"\\([^"]*\\).*/\\1/')"\n`],
  ],
];

/** Drivers in a folder, each with a pretend device beside it: all side by side, as most of judging is waiting. */
describe('a driver before the pretend device beside it', function () {
  this.timeout(300_000);
  let folder: DriverFolder;
  /** Where pretend devices get their folders. */
  let rooms: DriverFolder;
  const { TMPDIR } = process.env;
  let drivers: SiteDrivers;
  const judged = new Map<string, Promise<readonly KitResult[]>>();

  before(async () => {
    folder = await createDriverFolder();
    rooms = await createDriverFolder();
    process.env['TMPDIR'] = rooms.path;
    const driver = await readFile(join(EXAMPLES, 'line-pdu'), 'utf8');
    const pretend = await readFile(join(EXAMPLES, 'line-pdu.pretend'), 'utf8');
    for (const [nth, [, , [from, to]]] of BROKEN.entries()) {
      assert.ok(driver.includes(from), `the example has no ${from}`);
      await folder.drop(
        `broken-${nth}`,
        driver.replace('"line-pdu"', `"broken-${nth}"`).replace(from, () => to),
      );
      // A password of its own: whoever shows one is found by it.
      await folder.drop(`broken-${nth}.pretend`, pretend.replace(PASSWORD, `${PASSWORD}${nth}`));
    }
    await folder.drop('web-relay.mjs', await readFile(join(EXAMPLES, 'web-relay.mjs'), 'utf8'), 0o644);
    await folder.drop('web-relay.pretend', await readFile(join(EXAMPLES, 'web-relay.pretend'), 'utf8'));
    drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
    drivers.close();
    assert.deepEqual(drivers.problems(), []);
    for (const name of ['web-relay', ...BROKEN.map((_, nth) => `broken-${nth}`)]) {
      const results = judge(name);
      results.catch(() => undefined);
      judged.set(name, results);
    }
  });
  after(async () => {
    await Promise.allSettled(judged.values());
    for (const name of readdirSync(folder.path).filter((each) => each.endsWith('.left')))
      for (const pid of readFileSync(join(folder.path, name), 'utf8').trim().split('\n')) endSleeper(Number(pid));
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    await Promise.all([folder.remove(), rooms.remove()]);
  });

  /** A service of its own for each: one service runs one test at a time. */
  async function judge(driver: string): Promise<readonly KitResult[]> {
    const { store } = createMemoryPowerStore(realEdges.clock);
    const never = (): never => assert.fail('no machine is looked at');
    const tests = tryDrivers({
      ...{ ...realEdges, log: createQuietLog(), drivers, store, vault: { open: never } },
      power: { underWay: never, status: never },
    });
    const order = { driver, machine: undefined, parameters: {}, secrets: {}, switches: false };
    const outcome = await tests.run(order);
    if (outcome.is === 'done') return outcome.results;
    return assert.fail(outcome.because);
  }
  const without = (results: readonly KitResult[] | undefined, verdict: string): readonly string[] =>
    (results ?? assert.fail())
      .filter((each) => each.verdict !== verdict)
      .map((each) => `${each.rule}: ${each.because}`);

  it('that is a module keeps every rule', async () => {
    assert.deepEqual(without(await judged.get('web-relay'), 'pass'), []);
  });

  for (const [nth, [title, rules]] of BROKEN.entries())
    it(`that ${title} breaks ${rules.join(' and ')}, and no other rule`, async () => {
      const results = (await judged.get(`broken-${nth}`)) ?? assert.fail();
      const not = without(results, 'pass');
      const failed = results.filter(({ verdict }) => verdict === 'fail').map(({ rule }) => rule);
      assert.deepEqual(failed, rules, not.join('\n'));
      assert.equal(not.length, rules.length, 'every rule was judged');
    });

  it('leaves neither a pretend device nor its folder', async () => {
    await Promise.allSettled(judged.values());
    assert.deepEqual(readdirSync(rooms.path), []);
    const running = readdirSync('/proc').filter((pid) => workplaceOf(pid).startsWith(rooms.path));
    assert.deepEqual(running.map(argumentsOf), []);
  });
});

function workplaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Ends what the driver of this test left, unless its number is somebody else's by now. */
function endSleeper(pid: number): void {
  if (argumentsOf(String(pid)) === 'sleep\u0000600\u0000') process.kill(pid, 'SIGKILL');
}
