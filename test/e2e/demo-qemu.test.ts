import { strict as assert } from 'node:assert';
import { request } from 'node:http';
import { memberOf } from '../../lab/socket-api.ts';
import { startDemo, type DemoProcess } from '../support/demo-process.ts';
import { listOf, untilApi } from '../support/farrier-process.ts';
import { until } from '../support/until.ts';

/** The agent is built, then u-boot and Linux start without KVM, on a host that does other work. */
const SLOW_MS = 300_000;
const GONE_MS = 30_000;
const BANNER = /^[\s\0]*U-Boot 2023\.01/;

describe('the rack in a box with QEMU machines', function () {
  this.timeout(900_000);
  let demo: DemoProcess | undefined;
  before(async () => {
    demo = await startDemo(['--qemu', '--boards', '1'], SLOW_MS);
  });
  after(async () => {
    await demo?.remove();
  });

  /** What the machine's console has said, as the page's "Raw" gives it. */
  function recorded(machine: string, query = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const path = `/api/v1/machines/${machine}/console/log?as=raw${query}`;
      request({ socketPath: demo?.socket, path, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('latin1').on('data', (more: string) => {
          text += more;
        });
        answer.once('error', reject).once('end', () => {
          resolve(text);
        });
      })
        .once('error', reject)
        .end();
    });
  }

  it('its u-boot board is switched by its BMC, and its console has each boot from the banner on', async () => {
    assert.ok(demo);
    const { api } = demo;
    const isMet = (body: unknown): boolean => listOf(body, 'machines').length === 1;
    const [machine] = listOf(await untilApi(api, '/api/v1/machines', isMet, SLOW_MS), 'machines');
    const id = String(memberOf(machine, 'id'));
    // It was on before anybody knew of its console.
    await until('its first words are recorded', async () => BANNER.test(await recorded(id)), SLOW_MS);
    const path = `/api/v1/machines/${id}`;
    const before = listOf(await api.must('GET', `${path}/timeline`), 'boots').length;
    await api.must('POST', `${path}/power/cycle`, { force: true });
    const isOver = (body: unknown): boolean =>
      listOf(body, 'boots').length > before &&
      memberOf(memberOf(listOf(body, 'boots')[0], 'verdict'), 'state') === 'ended well';
    const [boot] = listOf(await untilApi(api, `${path}/timeline`, isOver, SLOW_MS), 'boots');
    const said = await recorded(id, `&boot=${String(memberOf(boot, 'id'))}`);
    assert.match(said, BANNER);
    assert.match(said, /Linux version 6\.1[^]*farrier-agent: facts/);
    assert.equal(memberOf(await api.must('GET', path), 'name'), 'demo-uboot-arm64-1');
  });

  it('killed with kill -9 nothing of it stays behind, no QEMU and no socket, and the next one starts and ends in order', async () => {
    assert.ok(demo);
    assert.match((await demo.remains()).join('\n'), /qemu-system-aarch64/);
    await demo.end('SIGKILL');
    const isGone = async (): Promise<boolean> => (await demo?.remains())?.length === 0;
    await until('all of it is gone', isGone, GONE_MS, async () => (await demo?.remains())?.join('\n') ?? '');
    await demo.remove();
    demo = await startDemo([], SLOW_MS);
    assert.match(demo.said(), /^Rack in a box: 6 pretended boards on a network of their own/);
    assert.equal(await demo.end('SIGINT'), 0);
    assert.deepEqual(await demo.remains(), []);
  });
});
