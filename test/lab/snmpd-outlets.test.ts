import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild } from '../../lab/child-process.ts';
import { OUTLET_MODELS, type OutletModel } from '../../power-drivers/common/snmp-outlet-models.ts';
import { snmpOutlet } from '../../power-drivers/snmp-outlet.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { freePort } from '../../lab/free-port.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { powerFailure } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const forever = new AbortController().signal;
const OUTLET = 5;
const [authKey, privKey] = ['lab-auth-key', 'lab-priv-key'];
const models: readonly (readonly [string, OutletModel])[] = Object.entries(OUTLET_MODELS);
const ROOTS = [
  '1.3.6.1.4.1.318',
  '1.3.6.1.4.1.534',
  '1.3.6.1.4.1.13742',
  '1.3.6.1.4.1.1718',
  '1.3.6.1.4.1.3808',
  '1.3.6.1.2.1.105',
];

/** Net-SNMP's pass_persist protocol: outlets whose orders change their state, as told by a file beside it. */
const OUTLETS = `#!/usr/bin/python3
import json, os, sys
told = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'outlets.json')))
values, orders = told['values'], told['orders']
ask = lambda: sys.stdin.readline().strip()
say = lambda *lines: (print('\\n'.join(lines)), sys.stdout.flush())
for command in iter(sys.stdin.readline, ''):
    command = command.strip()
    if command == 'PING':
        say('PONG')
    elif command == 'get':
        oid = ask().lstrip('.')
        say('.' + oid, 'integer', str(values[oid])) if oid in values else say('NONE')
    elif command == 'getnext':
        ask()
        say('NONE')
    elif command == 'set':
        oid, value = ask().lstrip('.'), ask().split()[-1]
        effect = orders.get(oid + '=' + value)
        if effect:
            values.update(effect)
        say('DONE' if effect else 'wrong-value' if oid in values else 'not-writable')
`;

function indexOf(model: OutletModel): string {
  return model.bank === undefined ? String(OUTLET) : `${model.bank}.${OUTLET}`;
}

/** The state of all models’ outlets, off, and what each order makes of it. */
function outlets(): object {
  const values: Record<string, number> = {};
  const orders: Record<string, Record<string, number>> = {};
  for (const [, model] of models) {
    const at = (column: string): string => `${column}.${indexOf(model)}`;
    const { on, off, status } = model;
    for (const { column } of [on, off]) values[at(column)] = 0;
    values[at(status.column)] = status.off[0] ?? 0;
    orders[`${at(on.column)}=${on.value}`] = { [at(status.column)]: status.on[0] ?? 0 };
    orders[`${at(off.column)}=${off.value}`] = { [at(status.column)]: status.off[0] ?? 0 };
  }
  return { values, orders };
}

describe('snmp-outlet with Debian’s snmpd', function () {
  this.timeout(120_000);
  let folder: string;
  let port: number;
  let snmpd: ChildProcess;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-snmpd-'));
    port = await freePort('udp');
    const script = join(folder, 'outlets');
    await writeFile(script, OUTLETS, { mode: 0o755 });
    await writeFile(join(folder, 'outlets.json'), JSON.stringify(outlets()));
    const users = ['writer', 'reader'].map((name) => `createUser ${name} SHA "${authKey}" AES "${privKey}"`);
    const passed = ROOTS.map((root) => `pass_persist .${root} ${script}`);
    const rights = ['rwcommunity lab-write', 'rocommunity lab-read', 'rwuser writer priv', 'rouser reader priv'];
    await writeFile(join(folder, 'snmpd.conf'), [...users, ...rights, ...passed, ''].join('\n'));
    const args = ['-f', '-Lf', join(folder, 'log'), '-C', '-c', join(folder, 'snmpd.conf'), `udp:127.0.0.1:${port}`];
    const env = { PATH: '/usr/sbin:/usr/bin:/bin', SNMP_PERSISTENT_DIR: join(folder, 'state') };
    snmpd = spawn('/usr/sbin/snmpd', args, { env, stdio: 'ignore' });
    await until('snmpd answers', answers, 60_000, log);
  });
  after(async () => {
    await endChild(snmpd, { by: 'SIGTERM' });
    await rm(folder, { recursive: true });
  });

  const open = (parameters: FieldValues): PowerHandle => {
    const who = parameters['version'] === '3' ? { authKey, privKey } : { community: 'lab-write' };
    return snmpOutlet.open(
      { host: '127.0.0.1', port, outlet: OUTLET, model: 'apc-rpdu', ...who, ...parameters },
      realEdges,
    );
  };
  const answers = (): Promise<boolean> =>
    open({})
      .query(forever)
      .then(
        () => true,
        () => false,
      );
  const log = (): Promise<string> => readFile(join(folder, 'log'), 'utf8').catch(() => '');
  const works = async (parameters: FieldValues): Promise<void> => {
    const handle = open(parameters);
    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'off');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'off');
  };

  for (const [model] of models)
    for (const version of ['1', '2c', '3'])
      it(`${model} switches and is read back over SNMP ${version}`, () =>
        works({ model, version, ...(version === '3' ? { user: 'writer' } : {}) }));

  it('tells its description and name', async () => {
    const info = await open({}).info?.(forever);
    assert.match(info?.['description'] ?? '', /Linux/);
    assert.notEqual(info?.['name'], '');
  });

  it('who may only read is refused, and still reads', async () => {
    const readers = [
      { version: '1', community: 'lab-read' },
      { version: '2c', community: 'lab-read' },
      { version: '3', user: 'reader' },
    ];
    for (const reader of readers) {
      assert.match(await powerFailure(open(reader).set('on', forever), 'refused'), /may not set/);
      assert.equal(await open(reader).query(forever), 'off');
    }
  });

  it('a wrong community is silence, and the words say what it may be', async () => {
    const words = await powerFailure(open({ community: 'guess' }).query(forever), 'unreachable');
    assert.match(words, /no answer; wrong address, port, community or SNMP version/);
  });

  const strangers: readonly (readonly [string, FieldValues])[] = [
    ['user', { user: 'nobody' }],
    ['authentication key', { user: 'writer', authKey: 'wrong-auth-key' }],
    ['encryption key', { user: 'writer', privKey: 'wrong-priv-key' }],
  ];
  for (const [title, parameters] of strangers)
    it(`a wrong ${title} is auth`, async () => {
      const words = await powerFailure(open({ version: '3', ...parameters }).query(forever), 'auth');
      assert.ok(!words.includes('key"') && !words.includes('wrong-'), words);
    });

  it('an outlet it does not have is refused in words', async () => {
    assert.match(await powerFailure(open({ outlet: 77 }).query(forever), 'refused'), /shows no outlet 77/);
    await powerFailure(open({ outlet: 77 }).set('on', forever), 'refused');
  });
});
