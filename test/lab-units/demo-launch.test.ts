import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortTaken } from '../../lab/demo-forward.ts';
import { launchDemo, type DemoLaunch } from '../../lab/demo-launch.ts';
import { labClock } from '../../lab/lab-clock.ts';

/** The inside of a demo as far as its outside sees it: serves where it stands, and tidies up when it is let go. */
const INSIDE = `
const order = JSON.parse(process.argv.at(-1));
const server = require('node:http').createServer((asked, answer) => answer.end(order.where));
server.listen(order.folder + '/web.sock', () => process.send({ is: 'up', webSocket: order.folder + '/web.sock' }));
process.once('disconnect', () => process.exit());
`;
const FAILS = "process.send({ is: 'failed', because: 'no bridge to be had' }, () => process.disconnect())";

describe('the launcher of the rack in a box', () => {
  let above: string;
  let folder: string;
  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'farrier-launch-'));
    folder = join(above, 'demo');
  });
  afterEach(() => rm(above, { recursive: true, force: true }));

  function launch(
    script: string,
    change: Partial<DemoLaunch> = {},
  ): { ended: Promise<void>; said: Promise<string>; stop(): void } {
    const stop = new AbortController();
    let ended: Promise<void> = Promise.resolve();
    const said = new Promise<string>((resolve, reject) => {
      ended = launchDemo({
        ...{ boards: 6, port: 0, paceMs: 0, folder, isRoot: true, clock: labClock(), unshare: '/bin/false' },
        inside: { command: process.execPath, args: ['-e', script] },
        say: resolve,
        signal: stop.signal,
        ...change,
      });
      ended.catch(reject);
    });
    return {
      ended,
      said,
      stop: () => {
        stop.abort();
      },
    };
  }

  it('where namespaces are refused it stands on loopback, says so in one line, and leaves nothing behind', async () => {
    const demo = launch(INSIDE);
    const line = await demo.said;
    assert.match(line, /on loopback \(no namespace/);
    assert.match(line, /farrier config init/);
    assert.equal(line.includes('\n'), false);
    const url = /http:\/\/\S+?\//.exec(line)?.[0] ?? '';
    assert.equal(await (await fetch(url)).text(), 'loopback');
    demo.stop();
    await demo.ended;
    await assert.rejects(fetch(url));
    assert.equal(existsSync(folder), false);
  });

  it('a namespace maker that is not there counts as a refusal', async () => {
    const demo = launch(INSIDE, { unshare: join(above, 'no-such-program') });
    assert.match(await demo.said, /ENOENT/);
    demo.stop();
    await demo.ended;
  });

  it('what fails in both places is told with both reasons', async () => {
    await assert.rejects(launch(FAILS).ended, /did not come up:.*on loopback: no bridge to be had/);
    assert.equal(existsSync(folder), false);
  });

  it('a taken port is named with its remedy, and the inside is ended', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const bound = other.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    await assert.rejects(launch(INSIDE, { port }).ended, (cause: unknown) => {
      assert.ok(cause instanceof PortTaken);
      assert.match(cause.message, new RegExp(`${String(port)}.*--port`));
      return true;
    });
    other.close();
    assert.equal(existsSync(folder), false);
  });

  it('an inside that ends by itself is no orderly end', async () => {
    const demo = launch(`${INSIDE} server.on('request', () => process.exit());`);
    const url = /http:\/\/\S+?\//.exec(await demo.said)?.[0] ?? '';
    await fetch(url).catch(() => undefined);
    await assert.rejects(demo.ended, /ended by itself/);
    assert.equal(existsSync(folder), false);
  });

  it('a second one in the same folder is refused, and the first goes on', async () => {
    const first = launch(INSIDE);
    const line = await first.said;
    await assert.rejects(launch(INSIDE).ended, /running already/);
    assert.equal((await fetch(/http:\/\/\S+?\//.exec(line)?.[0] ?? '')).status, 200);
    first.stop();
    await first.ended;
  });
});
