import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layLan, type LabHost, type Lan } from '../../lab/netns.ts';
import { startFarrier } from '../support/farrier-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'server', 'main.ts');
const [OURS, THEIRS, THEIR_MAC] = ['10.96.0.1', '10.96.0.9', '52:54:00:96:00:09'];
const NETWORK = { name: 'refuse', interface: 'refuse0', subnet: '10.96.0.0/24', address: OURS };
const POOLS = ['10.96.0.100-10.96.0.199'];

const here: LabHost['spawn'] = (command, args, options = {}) => spawn(command, args, options);

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

describe('farrier serve says no', function () {
  this.timeout(60_000);
  let folder: string;
  let config: string;
  let lan: Lan;
  let host: LabHost;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-refusals-'));
    await chmod(folder, 0o755);
    config = join(folder, 'farrier.yaml');
    await configure(join(folder, 'data'));
    lan = await layLan('refuse0', `${OURS}/24`);
    host = await lan.addHost('refuse-host', { mac: THEIR_MAC, address: `${THEIRS}/24` });
  });
  after(async () => {
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  async function configure(dataDir: string, listen = `${OURS}:5240`): Promise<void> {
    const text = { dataDir, keyFile: `${dataDir}.key`, http: { listen }, networks: [{ ...NETWORK, pools: POOLS }] };
    await writeFile(config, JSON.stringify(text));
  }

  function start(args: readonly string[] = [], wrap: readonly string[] = []): { child: ChildProcess; said(): string } {
    const own = [process.execPath, '--import', 'tsx', MAIN, 'serve', '--config', config, ...args];
    const [command = '', ...rest] = [...wrap, ...own];
    const env = { ...process.env, FARRIER_LOG: 'silent' };
    const child = spawn(command, rest, { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (more: string) => {
      said += more;
    });
    return { child, said: () => said };
  }

  async function serve(wrap: readonly string[] = []): Promise<Ended> {
    const { child, said } = start([], wrap);
    await once(child, 'close');
    return { code: child.exitCode, said: said() };
  }

  function isOneLine({ code, said }: Ended, words: RegExp): void {
    assert.match(said, words);
    assert.match(said, /^farrier: [^\n]*\n$/, 'one line, no stack');
    assert.equal(code, 1);
  }

  async function dnsmasq(run: LabHost['spawn'], args: readonly string[]): Promise<() => Promise<void>> {
    const common = ['-k', '-p0', '--conf-file=/dev/null', '--log-facility=-', '--user=root', '--pid-file='];
    const child = run('dnsmasq', [...common, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    while (!/DHCP, IP range|TFTP root/.test(said)) said += String((await once(child.stderr!, 'data'))[0]);
    return async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    };
  }
  const range = `--dhcp-range=10.96.0.50,10.96.0.60,1h`;
  const leases = (): string => `--dhcp-leasefile=${join(folder, 'leases')}`;

  it('when another program holds port 67, naming it', async () => {
    const stop = await dnsmasq(here, ['--interface=refuse0', range, leases()]);
    isOneLine(await serve(), /UDP port 67 on refuse0 is held by dnsmasq \(pid \d+\)\. Stop it/);
    await stop();
  });

  it('when another program holds port 69, naming it', async () => {
    const stop = await dnsmasq(here, ['--interface=refuse0', '--enable-tftp', `--tftp-root=${folder}`]);
    isOneLine(await serve(), /UDP port 69 on 10\.96\.0\.1 is held by dnsmasq \(pid \d+\)\. Stop it/);
    await stop();
  });

  it('when ports below 1024 are not permitted, with the three remedies', async () => {
    const own = join(folder, 'of-nobody');
    await mkdir(own);
    await chmod(own, 0o777);
    await configure(join(own, 'data'));
    await chmod(config, 0o644);
    const ended = await serve(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps=-all']);
    isOneLine(
      ended,
      /UDP port 67 on refuse0: not permitted.*systemd unit.*sudo.*sysctl net\.ipv4\.ip_unprivileged_port_start=67/,
    );
    await configure(join(folder, 'data'));
  });

  it('when another DHCP server answers on the wire, by name; with --force it serves', async () => {
    const stop = await dnsmasq(
      (command, args, options) => host.spawn(command, args, options),
      ['--interface=eth0', range, leases(), '--no-ping'],
    );
    isOneLine(
      await serve(),
      new RegExp(`another DHCP server answers: ${THEIRS} \\(${THEIR_MAC}\\) on refuse0.*--force`),
    );
    const forced = start(['--force']);
    while (!forced.said().includes('Farrier serves')) await once(forced.child.stderr!, 'data');
    forced.child.kill('SIGTERM');
    await once(forced.child, 'close');
    assert.equal(forced.child.exitCode, 0);
    await stop();
  });

  it('when the configuration is wrong: file, line, column and what to write', async () => {
    await writeFile(config, `networks:\n  - name: refuse\n    interfce: refuse0\n    subnet: 10.96.0.0/24\n`);
    const { code, said } = await serve();
    assert.match(said, /farrier\.yaml:3:5: .*interfce.*interface/);
    assert.doesNotMatch(said, /^ +at /m);
    assert.equal(code, 1);
    await configure(join(folder, 'data'));
  });

  it('when another Farrier has the same dataDir, or the page has no port', async () => {
    const first = await startFarrier({ networks: [{ ...NETWORK, pools: POOLS }] });
    await configure(join(first.folder, 'data'));
    isOneLine(await serve(), /another Farrier already listens on .*farrier\.sock; stop it first/);
    await first.stop();
    await configure(join(folder, 'data'), '10.96.0.77:5240');
    isOneLine(await serve(), /TCP 10\.96\.0\.77:5240 \(HTTP\): no interface has this address.*http\.listen/);
    await configure(join(folder, 'data'));
  });
});
