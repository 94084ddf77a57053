import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createPowerDrivers } from '../../power-drivers/index.ts';
import { newDriver } from '../../server/daemon/new-driver.ts';
import { openPretend } from '../../server/daemon/open-pretend.ts';
import { PowerError, type PowerHandle } from '../../server/ports/power-driver.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf } from '../support/power-failure.ts';
import { createQuietLog } from '../support/quiet-log.ts';

const forever = new AbortController().signal;

describe('a new driver', () => {
  let folder: DriverFolder;
  beforeEach(async () => {
    folder = await createDriverFolder();
  });
  afterEach(() => folder.remove());

  const opened = async (name: string, parameters: Record<string, string | number>): Promise<PowerHandle> => {
    const drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
    drivers.close();
    const driver = drivers.byName(name);
    assert.ok(driver, drivers.problems()[0]?.because);
    return driver.open(parameters, realEdges);
  };

  it('in shell works as it is, before the pretend device that comes with it', async () => {
    const file = await newDriver({ name: 'my-pdu', folder: folder.path, language: 'shell' });
    const pretend = await openPretend(file, { ...realEdges, log: createQuietLog() });
    assert.ok(pretend);
    try {
      const parameters: Record<string, string> = {};
      for (const line of pretend.device.opening) {
        const [, name = '', value = ''] = /^parameter (\w+)=(.*)$/.exec(line) ?? [];
        parameters[name] = value;
      }
      const handle = await opened('my-pdu', parameters);
      await handle.set('on', forever);
      assert.deepEqual([await handle.query(forever), await pretend.device.ask('truth')], ['on', 'on']);
      const wrong = (await opened('my-pdu', { ...parameters, password: 'wrong' })).query(forever);
      assert.equal((await failureOf(wrong)).code, 'auth');
    } finally {
      await pretend.close();
    }
  });

  it('has a pretend device only where one lies beside it, and that may be run', async () => {
    const parts = { ...realEdges, log: createQuietLog() };
    const file = await folder.drop('alone', '');
    assert.equal(await openPretend(file, parts), undefined);
    await folder.drop('alone.pretend', '#!/bin/sh\necho ready\ncat\n', 0o644);
    assert.match(
      (await failureOf(openPretend(file, parts))).message,
      /alone\.pretend is not executable; run: chmod \+x/,
    );
    await folder.drop('alone.pretend', '#!/bin/sh\necho "no port" >&2\nexit 4\n');
    const failure = await failureOf(openPretend(`${file}.mjs`, parts));
    assert.match(failure.message, /^the pretend device \S+alone\.pretend ended with exit code 4: no port$/);
  });

  describe('in JavaScript', () => {
    let server: Server;
    let port = 0;
    let state = 'off';
    before(async () => {
      server = createServer((request, response) => {
        const [, want] = /^\/relay\/3\/(on|off)$/.exec(request.url ?? '') ?? [];
        if (request.headers.authorization !== 'Bearer right') response.writeHead(401).end();
        else if (want === undefined && request.url !== '/relay/3') response.writeHead(404).end();
        else response.end(want === undefined ? state : (state = want));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const at = server.address();
      port = typeof at === 'object' && at ? at.port : 0;
    });
    after(() => {
      server.close();
    });

    it('works as it is', async () => {
      await newDriver({ name: 'my-web', folder: folder.path, language: 'js' });
      const parameters = { host: '127.0.0.1', port, token: 'right', relay: 3 };
      const handle = await opened('my-web', parameters);
      await handle.set('on', forever);
      assert.deepEqual([await handle.query(forever), state], ['on', 'on']);
      const codes = [{ token: 'wrong' }, { relay: 4 }, { port: 1 }].map(async (change) => {
        const asked = (await opened('my-web', { ...parameters, ...change })).query(forever);
        return asked.catch((error: unknown) => (error instanceof PowerError ? error.code : String(error)));
      });
      assert.deepEqual(await Promise.all(codes), ['auth', 'refused', 'unreachable']);
    });
  });

  it('never takes the place of a file, nor a name that is none', async () => {
    const order = { name: 'mine', folder: folder.path, language: 'shell' } as const;
    assert.equal(await newDriver(order), `${folder.path}/mine`);
    await assert.rejects(newDriver(order), /is there already/);
    await assert.rejects(newDriver({ ...order, name: '../x' }), /is no name of a driver/);
    await assert.rejects(newDriver({ ...order, name: 'y', language: 'js', folder: '/nonexistent' }), /ENOENT/);
    await folder.drop('half.mjs', '');
    await assert.rejects(newDriver({ ...order, name: 'half', language: 'js' }), /half\.mjs is there already/);
    assert.equal(existsSync(`${folder.path}/half.pretend`), false, 'nothing is left of what failed');
  });
});
