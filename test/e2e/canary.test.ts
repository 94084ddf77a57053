import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { startTestBmc, BMC_USER, type TestBmc } from '../support/bmc-rack.ts';
import { filesBelow, findings, watchProcesses, watchWire } from '../support/canary.ts';
import { createDriverFolder, shellDriver, type DriverFolder } from '../support/driver-folder.ts';
import { untilApi } from '../support/farrier-process.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';

/** Up to 20 letters, the most IPMI knows. */
const CANARY = 'kanari-7c1f-vogel-x9';
/** A driver that takes its time, so that its process is seen, and babbles when it is to reset. */
const BABBLER = shellDriver(
  'babbler',
  `fields=$(cat); sleep 0.2
case $1 in
reset) printf '{"message":"the PDU said: %s"}' "$(printf %s "$fields" | tr -d '{}"')"; printf '%s' "$fields" >&2; exit 12 ;;
status) echo '{"state":"on"}' ;;
esac`,
);

describe('secrets where they must not be (threat model, rows 1, 2, 4 and 13)', () => {
  let lab: StormLab;
  let drivers: DriverFolder;
  let bmc: TestBmc;
  let boards: readonly VirtualBoard[];
  let names: readonly string[];
  before(async function () {
    this.timeout(240_000);
    bmc = await startTestBmc({ password: CANARY });
    drivers = await createDriverFolder();
    await drivers.drop('babbler', BABBLER);
    lab = await startStormLab('canary0', 95, { powerDrivers: [drivers.path] });
    boards = [await lab.board(1, 'uboot-arm64'), await lab.board(2, 'uefi-x64'), await lab.board(3, 'bios-ipxe')];
  });
  after(async () => {
    await lab.stop();
    await bmc.stop();
    await drivers.remove();
  });

  const must: StormLab['farrier']['api']['must'] = (method, path, body) => lab.farrier.api.must(method, path, body);
  const call = async (path: string): Promise<readonly [string, Buffer]> => {
    const answer = await lab.farrier.api.call('GET', path);
    assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`);
    return [`GET ${path}`, Buffer.from(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))];
  };

  async function everyAnswer(): Promise<ReadonlyMap<string, Buffer>> {
    const paths = ['/', '/boards', '/bundles', '/leases', '/help'].concat(
      [
        'machines',
        'boards',
        'bundles',
        'leases',
        'networks',
        'drivers',
        'events?limit=1000',
        'users',
        'openapi.json',
      ].map((name) => `/api/v1/${name}`),
      names.flatMap((name) => [
        `/machines/${name}`,
        ...['', '/timeline', '/explain', '/power'].map((part) => `/api/v1/machines/${name}${part}`),
      ]),
    );
    const answers = [];
    for (const path of paths) answers.push(await call(path));
    return new Map(answers);
  }

  it('neither BMC passwords nor boot tokens are in files, answers, pages, logs, processes or on the boot network', async function () {
    this.timeout(300_000);
    const wire = await watchWire('canary0');
    await Promise.all(boards.map((board) => board.powerOn()));
    await Promise.all(boards.map((board) => board.reaches(['agent'], 60_000)));
    const met = await untilApi(
      lab.farrier.api,
      '/api/v1/machines',
      (body) => machinesOf(body).every((machine) => memberOf(machine, 'facts') !== undefined),
      60_000,
    );
    names = machinesOf(met).map((machine) => String(memberOf(machine, 'name')));
    assert.equal(names.length, 3);
    const [first = '', ...others] = names;

    const processes = watchProcesses();
    const parameters = { host: bmc.address, port: bmc.port, user: BMC_USER };
    await must('PUT', `/api/v1/machines/${first}/power`, {
      driver: 'ipmi',
      parameters,
      secrets: { password: CANARY },
    });
    for (const verb of ['on', 'reset', 'off', 'status']) await must('POST', `/api/v1/machines/${first}/power/${verb}`);
    assert.deepEqual(bmc.deeds, ['on', 'reset', 'off']);
    for (const [index, name] of others.entries()) {
      await must('PUT', `/api/v1/machines/${name}/power`, {
        driver: 'babbler',
        parameters: { host: '127.0.0.1', outlet: String(index) },
        secrets: { password: CANARY },
      });
      await must('POST', `/api/v1/machines/${name}/power/status`);
      const babble = await lab.farrier.api.call('POST', `/api/v1/machines/${name}/power/reset`);
      assert.ok(babble.status >= 400 && JSON.stringify(babble.body).includes('the PDU said'), JSON.stringify(babble));
    }
    bmc.fault('refuses-login');
    await lab.farrier.api.call('POST', `/api/v1/machines/${first}/power/on`);
    bmc.fault('none');
    const seen = processes.stop();
    assert.ok(findings('babbler', seen).length > 0, 'the driver was seen at work');

    const answers = await everyAnswer();
    const octets = await wire.stop();
    const tokens = [...new Set(octets.toString('latin1').match(/(?<=farrier\.token=)[0-9a-f]{32}/g))];
    assert.ok(tokens.length >= 3, 'each boot has a token, and the wire was seen');
    const places = new Map([
      ...answers,
      ...filesBelow(lab.farrier.folder),
      ['log', Buffer.from(lab.farrier.output())] as const,
    ]);
    assert.ok([...places.keys()].some((place) => place.endsWith('farrier.db-wal')));
    assert.deepEqual(findings(CANARY, new Map([...places, ...seen, ['wire', octets]])), []);
    for (const token of tokens) assert.deepEqual(findings(token, new Map([...places, ...seen])), []);
    assert.ok(findings(names[1] ?? '', places).length > 5, 'what is there is found');
  });

  it('a copy of the database, taken while it runs, holds no secret either', async () => {
    const copy = join(lab.farrier.folder, 'copy.db');
    const db = new Database(join(lab.farrier.folder, 'data', 'farrier.db'), { readonly: true });
    await db.backup(copy);
    db.close();
    assert.deepEqual(findings(CANARY, new Map([[copy, readFileSync(copy)]])), []);
  });

  it('two sealed rows that were swapped do not open: the order fails in words, the driver is not called', async function () {
    this.timeout(240_000);
    await lab.farrier.kill9();
    swapLastTwo(join(lab.farrier.folder, 'data', 'farrier.db'));
    const failed = await lab.farrier.start().then(
      async () => {
        const answers = await Promise.all(
          names.map((name) => lab.farrier.api.call('POST', `/api/v1/machines/${name}/power/status`)),
        );
        return answers.filter(({ status }) => status >= 400).map(({ body }) => JSON.stringify(body));
      },
      (error: unknown) => [String(error)],
    );
    assert.ok(failed.length > 0 && failed.every((words) => /does not open|key/.test(words)), failed.join('\n'));
    await lab.farrier.kill9();
    swapLastTwo(join(lab.farrier.folder, 'data', 'farrier.db'));
  });

  it('with another key it does not start, says so in one line, and overwrites nothing', async function () {
    this.timeout(240_000);
    const keyFile = join(lab.farrier.folder, 'farrier.key');
    const key = readFileSync(keyFile, 'utf8');
    const before = rowsOf(join(lab.farrier.folder, 'data', 'farrier.db'));
    const other = `${createHash('sha256').update('another').digest('hex')}\n`;
    writeFileSync(keyFile, other);
    const said = lab.farrier.output().length;
    await assert.rejects(lab.farrier.start(), /not ready/);
    const words = lab.farrier.output().slice(said).trim();
    assert.match(words, /key/);
    assert.equal(words.split('\n').length, 1, words);
    assert.equal(readFileSync(keyFile, 'utf8'), other);
    assert.deepEqual(rowsOf(join(lab.farrier.folder, 'data', 'farrier.db')), before);
    writeFileSync(keyFile, key);
    await lab.farrier.start();
    assert.equal((await lab.farrier.api.call('POST', `/api/v1/machines/${names[0] ?? ''}/power/status`)).status, 200);
  });
});

const machinesOf = (body: unknown): readonly unknown[] => {
  const machines = memberOf(body, 'machines');
  return Array.isArray(machines) ? machines : [];
};

function rowsOf(file: string): readonly unknown[] {
  const db = new Database(file);
  const rows = db.prepare('SELECT machine_id, field, sealed FROM secret ORDER BY machine_id').all();
  db.close();
  return rows;
}

function swapLastTwo(file: string): void {
  const db = new Database(file);
  const rows = db.prepare<[], { id: string; sealed: string }>('SELECT machine_id AS id, sealed FROM secret').all();
  const [a, b] = rows.slice(-2);
  assert.ok(a && b);
  const put = db.prepare('UPDATE secret SET sealed = ? WHERE machine_id = ?');
  put.run(b.sealed, a.id);
  put.run(a.sealed, b.id);
  db.close();
}
