import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';
import { bundle, explanation, ipmiDriver, machine01, machine02 } from './samples.ts';

describe('farrier commands', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
    daemon.on('GET /machines', { status: 200, body: { machines: [machine01, machine02] } });
    daemon.on('GET /machines/board-01', { status: 200, body: machine01 });
    daemon.on('GET /drivers', { status: 200, body: { drivers: [ipmiDriver] } });
  });
  afterEach(() => daemon.close());
  const lines = (): readonly string[] => daemon.got.map((got) => got.line);

  describe('machine', () => {
    it('list: a table, without escape codes when it is not a terminal', async () => {
      const { exit, out, err } = await daemon.run(['machine', 'list']);
      assert.deepEqual([exit, err], [0, '']);
      const [head, first, second] = out.split('\n');
      assert.match(head ?? '', /^NAME +STATE +POWER +BOARD +ARCH +LOADER +ADDRESS +MAC +BUNDLE +LAST$/);
      assert.match(
        first ?? '',
        /^board-01 +ready +on +qemu-virt-arm64 +arm64 +10\.77\.0\.100 +52:54:00:00:00:01 +facts arrived$/,
      );
      assert.match(second ?? '', /^board-02 +new \(failed\)/);
      assert.ok(!out.includes('\u001b'));
    });

    it('list: JSON and YAML carry what the API said; --state and -o name; -o before and after', async () => {
      const asJson = await daemon.run(['machine', 'list', '-o', 'json']);
      assert.deepEqual(JSON.parse(asJson.out), JSON.parse(JSON.stringify([machine01, machine02])));
      const asYaml = await daemon.run(['-o', 'yaml', 'machine', 'list', '--state', 'ready']);
      assert.deepEqual(parse(asYaml.out), [machine01]);
      assert.equal(
        (await daemon.run(['machine', 'list', '--state', 'new', 'ready', '-o', 'name'])).out,
        'board-01\nboard-02\n',
      );
      assert.equal(
        (await daemon.run(['machine', 'list', '-o', 'csv'])).out.split('\r\n')[1]?.split(',')[0],
        'board-01',
      );
    });

    it('show: all facts; the reference is encoded', async () => {
      const { out } = await daemon.run(['machine', 'show', 'board-01']);
      assert.match(out, /^name +board-01$/m);
      assert.match(out, /^MACs +52:54:00:00:00:01, 52:54:00:00:00:02$/m);
      assert.match(out, /^power +on, seen 1970-01-01T00:00:01Z$/m);
      await daemon.run(['machine', 'show', '../users']);
      assert.equal(lines().at(-1), 'GET /machines/..%2Fusers');
    });

    it('show --wait waits until it is known', async () => {
      let asked = 0;
      daemon.on('GET /machines/late', () => {
        asked += 1;
        return asked < 3 ? { status: 404, body: { detail: 'no machine "late"' } } : { status: 200, body: machine01 };
      });
      const running = daemon.run(['machine', 'show', 'late', '--wait', '-o', 'name']);
      await passTime(daemon, running);
      assert.deepEqual(await running, { exit: 0, out: 'board-01\n', err: '' });
      assert.equal(asked, 3);
    });

    it('show --wait=2s gives up with 124; other failures are not waited over', async () => {
      const running = daemon.run(['machine', 'show', 'never', '--wait=2s']);
      await passTime(daemon, running);
      assert.deepEqual(await running, { exit: 124, out: '', err: 'farrier: the machine did not come true in time\n' });
      assert.equal(lines().length, 3);
      daemon.on('GET /machines/bad', { status: 503, body: { detail: 'the disk is full' } });
      assert.equal((await daemon.run(['machine', 'show', 'bad', '--wait'])).exit, 1);
    });

    it('accept and edit send what is given, and null for what is cleared', async () => {
      daemon.on('POST /machines/board-01/accept', { status: 200, body: machine01 });
      daemon.on('PATCH /machines/board-01', { status: 200, body: machine01 });
      const accepted = await daemon.run([
        'machine',
        'accept',
        'board-01',
        '--name',
        'pi',
        '--arg',
        'a=b',
        'quiet',
        '--reserved',
        '10.77.0.9',
      ]);
      assert.deepEqual([accepted.exit, accepted.err], [0, 'board-01 is ready\n']);
      assert.deepEqual(daemon.got.at(-1)?.body, { name: 'pi', extraArgs: ['a=b', 'quiet'], reserved: '10.77.0.9' });
      await daemon.run(['machine', 'accept', 'board-01']);
      assert.deepEqual(daemon.got.at(-1)?.body, {});
      await daemon.run(['machine', 'edit', 'board-01', '--clear', 'board', 'bundle', 'args']);
      assert.deepEqual(daemon.got.at(-1)?.body, { board: null, bundle: null, extraArgs: [] });
      const nothing = await daemon.run(['machine', 'edit', 'board-01']);
      assert.equal(nothing.exit, 2);
      assert.match(nothing.err, /^farrier: nothing to change/);
    });

    it('abort --wait waits until it rests', async () => {
      const moving = { ...machine01, state: 'deploying' };
      let asked = 0;
      daemon.on('POST /machines/board-01/abort', { status: 200, body: moving });
      daemon.on('GET /machines/m-abcdefghij', () => {
        asked += 1;
        return { status: 200, body: asked < 2 ? moving : { ...machine01, state: 'allocated' } };
      });
      const running = daemon.run(['machine', 'abort', 'board-01', '--wait']);
      await passTime(daemon, running);
      assert.equal((await running).err, 'board-01 is allocated\n');
      assert.equal((await daemon.run(['machine', 'abort', 'board-01'])).err, 'board-01 is deploying\n');
    });

    it('force needs a reason and a rest state', async () => {
      daemon.on('POST /machines/board-01/force', { status: 200, body: machine01 });
      assert.equal((await daemon.run(['machine', 'force', 'board-01', 'ready'])).exit, 2);
      assert.equal((await daemon.run(['machine', 'force', 'board-01', 'deploying', '--because', 'x'])).exit, 2);
      assert.equal(daemon.got.length, 0);
      assert.equal((await daemon.run(['machine', 'force', 'board-01', 'broken', '--because', 'smoke'])).exit, 0);
      assert.deepEqual(daemon.got.at(-1)?.body, { to: 'broken', because: 'smoke' });
    });

    it('rm, with and without --force', async () => {
      daemon.on('DELETE /machines/board-01', { status: 409, body: { detail: 'board-01 is ready; retire it first' } });
      daemon.on('DELETE /machines/board-01?force=true', { status: 204 });
      assert.deepEqual(await daemon.run(['machine', 'rm', 'board-01']), {
        exit: 4,
        out: '',
        err: 'farrier: board-01 is ready; retire it first\n',
      });
      const forced = await daemon.run(['machine', 'rm', 'board-01', '--force']);
      assert.deepEqual(forced, { exit: 0, out: '', err: 'board-01 is forgotten\n' });
    });

    it('timeline', async () => {
      const event = {
        id: 1,
        atMs: 0,
        kind: 'tftp',
        severity: 'good',
        boot: 'b1',
        text: 'sent \u001b[31mred',
        detail: {},
      };
      daemon.on('GET /machines/board-01/timeline?boot=b1&limit=5', {
        status: 200,
        body: { boots: [], events: [event] },
      });
      const { exit, out } = await daemon.run(['machine', 'timeline', 'board-01', '--boot', 'b1', '--limit', '5']);
      assert.equal(exit, 0);
      assert.match(out, /\n1970-01-01T00:00:00Z +tftp +good +b1 +sent \ufffd\[31mred\n$/);
    });
  });

  describe('power', () => {
    const setting = { setting: { driver: 'ipmi', parameters: { host: '10.0.0.7' } }, secretsSet: ['password'] };
    beforeEach(() => {
      daemon.on('GET /machines/board-01/power', { status: 200, body: { secretsSet: [] } });
      daemon.on('PUT /machines/board-01/power', { status: 200, body: setting });
    });

    for (const verb of ['on', 'off', 'cycle', 'reset', 'status'])
      it(verb, async () => {
        const body = { is: 'done', seen: { state: 'on', atMs: 1000 } };
        daemon.on(`POST /machines/board-01/power/${verb}`, { status: 200, body });
        const { exit, out } = await daemon.run(['power', verb, 'board-01', '--wait=5m']);
        assert.equal(exit, 0);
        assert.match(out, /^power +on$/m);
        assert.equal((await daemon.run(['power', verb, 'board-01', '-o', 'name'])).out, 'on\n');
      });

    it('an order that failed is 1, a refused one 4', async () => {
      daemon.on('POST /machines/board-01/power/on', {
        status: 502,
        body: { detail: 'the BMC 10.0.0.7 does not answer' },
      });
      daemon.on('POST /machines/board-01/power/off', { status: 409, body: { detail: 'it changed hands' } });
      assert.equal((await daemon.run(['power', 'on', 'board-01'])).exit, 1);
      assert.equal((await daemon.run(['power', 'off', 'board-01'])).exit, 4);
    });

    it('bootdev takes the devices there are', async () => {
      daemon.on('POST /machines/board-01/power/bootdev', { status: 200, body: { is: 'done' } });
      assert.equal((await daemon.run(['power', 'bootdev', 'board-01', 'pxe'])).exit, 0);
      assert.deepEqual(daemon.got.at(-1)?.body, { device: 'pxe' });
      assert.equal((await daemon.run(['power', 'bootdev', 'board-01', 'floppy'])).exit, 2);
    });

    it('identify has its seconds', async () => {
      daemon.on('POST /machines/board-01/power/identify', { status: 200, body: { is: 'done' } });
      assert.equal((await daemon.run(['power', 'identify', 'board-01'])).exit, 0);
      assert.deepEqual(daemon.got.at(-1)?.body, { forS: 60 });
      assert.equal((await daemon.run(['power', 'identify', 'board-01', '0'])).exit, 0);
      assert.deepEqual(daemon.got.at(-1)?.body, { forS: 0 });
      for (const seconds of ['256', 'long', '-1', '1.5']) {
        const { exit, err } = await daemon.run(['power', 'identify', 'board-01', '--', seconds]);
        assert.equal(exit, 2);
        assert.match(err, /a whole number from 0 to 255/);
      }
    });

    const args = ['power', 'set', 'board-01', 'ipmi', 'host=10.0.0.7', 'port=6230', 'username=root'];

    it('set asks for secrets, never shows them, and turns numbers into numbers', async () => {
      const { exit, out, err } = await daemon.run(args, { typed: ['s3cret-canary', ''] });
      assert.equal(exit, 0);
      assert.deepEqual(daemon.got.at(-1)?.body, {
        driver: 'ipmi',
        parameters: { host: '10.0.0.7', port: 6230, username: 'root' },
        secrets: { password: 's3cret-canary' },
      });
      assert.match(err, /^Password: \nBMC key \(empty: none\): \n/);
      assert.match(out, /^password +\(set\)$/m);
      assert.ok(!(out + err).includes('canary'));
    });

    it('set keeps a secret that is set when nothing is typed', async () => {
      daemon.on('GET /machines/board-01/power', { status: 200, body: setting });
      const { exit, err } = await daemon.run(args, { typed: ['', ''] });
      assert.equal(exit, 0);
      assert.match(err, /Password \(empty: stays\)/);
      assert.deepEqual(lastBody(daemon)['secrets'], {});
    });

    it('set reads secrets from files and standard input, without the last line end', async () => {
      const file = join(daemon.folder, 'secret');
      writeFileSync(file, 'from file \n');
      const { exit } = await daemon.run([...args, '--secret-file', `password=${file}`, 'kg=-'], {
        stdin: 'from stdin\r\n',
      });
      assert.equal(exit, 0);
      assert.deepEqual(lastBody(daemon)['secrets'], { password: 'from file ', kg: 'from stdin' });
    });

    const refusals: readonly (readonly [string, readonly string[], RegExp, number])[] = [
      [
        'a secret as an argument',
        [...args, 'password=hunter2'],
        /"password" is a secret and would show in the list of processes/,
        2,
      ],
      [
        'a slip in a field',
        ['power', 'set', 'board-01', 'ipmi', 'hots=x'],
        /no field "hots"; did you mean "host"\?/,
        2,
      ],
      ['a field of every object', ['power', 'set', 'board-01', 'ipmi', 'constructor=x'], /no field "constructor"/, 2],
      ['no value', ['power', 'set', 'board-01', 'ipmi', 'host'], /"host" is not a setting/, 2],
      ['a port in words', ['power', 'set', 'board-01', 'ipmi', 'port=ipmi'], /"port" must be a whole number/, 2],
      [
        'a slip in the driver',
        ['power', 'set', 'board-01', 'impi'],
        /no power driver "impi"; did you mean "ipmi"\?/,
        3,
      ],
      [
        'a missing secret without a terminal',
        args,
        /the secret "password" is missing; use --secret-file password=PATH/,
        2,
      ],
      [
        'a secret file that is not there',
        [...args, '--secret-file', 'password=/nowhere'],
        /cannot be read \(ENOENT\)/,
        1,
      ],
      ['a file for what is no secret', [...args, '--secret-file', 'host=/etc/hosts'], /"host" is no secret/, 2],
    ];
    for (const [title, words, wanted, exit] of refusals)
      it(`set refuses ${title}, and changes nothing`, async () => {
        const ran = await daemon.run(words);
        assert.equal(ran.exit, exit, ran.err);
        assert.match(ran.err, wanted);
        assert.ok(!ran.err.includes('hunter2'));
        assert.ok(!lines().some((line) => line.startsWith('PUT')));
      });

    it('show and unset', async () => {
      daemon.on('GET /machines/board-01/power', { status: 200, body: setting });
      daemon.on('DELETE /machines/board-01/power', { status: 204 });
      assert.match((await daemon.run(['power', 'show', 'board-01'])).out, /^host +10\.0\.0\.7\npassword +\(set\)$/m);
      assert.equal((await daemon.run(['power', 'unset', 'board-01'])).exit, 0);
      assert.equal(lines().at(-1), 'DELETE /machines/board-01/power');
    });
  });

  describe('boards, leases', () => {
    const board = {
      name: 'mustang',
      title: 'X-Gene',
      arch: 'arm64',
      proof: 'untested',
      dtbMissing: 'no file',
      file: 'a.yaml',
    };

    it('board list, show and lint', async () => {
      daemon.on('GET /boards', { status: 200, body: { boards: [board] } });
      daemon.on('GET /boards/mustang', { status: 200, body: board });
      assert.match((await daemon.run(['board', 'list'])).out, /\nmustang +arm64 +untested +missing +X-Gene\n/);
      assert.match((await daemon.run(['board', 'show', 'mustang'])).out, /^DTB missing +no file\nfile +a\.yaml$/m);
      daemon.on('GET /lint/boards', { status: 200, body: { findings: [] } });
      assert.equal((await daemon.run(['board', 'lint'])).exit, 0);
      daemon.on('GET /lint/boards', {
        status: 200,
        body: { findings: [{ file: 'a.yaml', line: 3, severity: 'error', words: 'no arch', remedy: 'say it' }] },
      });
      const lint = await daemon.run(['board', 'lint']);
      assert.deepEqual([lint.exit, lint.err], [1, 'farrier: 1 to mend\n']);
      assert.match(lint.out, /\na\.yaml +3 +error +no arch +say it\n/);
    });

    it('leases, of one network', async () => {
      const lease = {
        network: 'rack1',
        address: '10.77.0.100',
        mac: '52:54:00:00:00:01',
        state: 'bound',
        expiresMs: 0,
        key: 'k',
      };
      const leases = [lease, { ...lease, network: 'rack2', address: '10.78.0.9' }];
      daemon.on('GET /leases', { status: 200, body: { leases } });
      assert.equal((await daemon.run(['leases', '--network', 'rack2', '-o', 'name'])).out, '10.78.0.9\n');
    });
  });

  describe('bundles and the agent', () => {
    beforeEach(() => {
      daemon.on('GET /bundles', { status: 200, body: { bundles: [] } });
      daemon.on('POST /bundles', { status: 201, body: bundle });
      for (const name of ['vmlinuz-6.1', 'initrd.gz', 'linux-arm64', 'initrd-arm64.gz', 'grubaa64.efi'])
        daemon.on(`POST /artefacts?name=${name}`, (got) => ({
          status: 201,
          body: { name, sha256: 'd'.repeat(64), octets: got.octets },
        }));
    });

    it('list and rm', async () => {
      daemon.on('GET /bundles', {
        status: 200,
        body: { bundles: [bundle, { ...bundle, role: 'agent', name: 'agent' }] },
      });
      daemon.on('DELETE /bundles/debian-12%401', { status: 204 });
      assert.equal((await daemon.run(['bundle', 'list', '-o', 'name'])).out, 'debian-12@1\nagent@1\n');
      assert.equal((await daemon.run(['agent', 'list', 'arm64', '-o', 'name'])).out, 'agent@1\n');
      assert.equal((await daemon.run(['bundle', 'rm', 'debian-12@1'])).exit, 0);
    });

    it('importing the very same files again is no fault, and makes nothing', async () => {
      const folder = join(daemon.folder, 'same');
      mkdirSync(folder);
      writeFileSync(join(folder, 'vmlinuz 6.1'), 'k');
      writeFileSync(join(folder, 'initrd.gz'), 'i');
      const stored = { name: 'vmlinuz-6.1', sha256: 'd'.repeat(64), octets: 1 };
      const known = { ...bundle, name: 'same', version: '9', kernel: stored, initrd: stored, kernelArgs: ['quiet'] };
      daemon.on('GET /bundles', { status: 200, body: { bundles: [known] } });
      const args = [
        'bundle',
        'import',
        '--folder',
        folder,
        '--arch',
        'arm64',
        '--bundle-version',
        '9',
        '--initrd',
        'initrd.gz',
        '--arg',
        'quiet',
      ];
      const ran = await daemon.run(args);
      assert.equal(ran.exit, 0, ran.err);
      assert.match(ran.err, /same@9 is here already/);
      assert.ok(!daemon.got.some(({ line }) => line === 'POST /bundles'));
    });

    it('import from a folder streams the files, then makes the bundle', async () => {
      const folder = join(daemon.folder, 'My Images');
      mkdirSync(folder);
      writeFileSync(join(folder, 'vmlinuz 6.1'), Buffer.alloc(300_000, 1));
      writeFileSync(join(folder, 'initrd.gz'), 'i');
      const ran = await daemon.run([
        'bundle',
        'import',
        '--folder',
        folder,
        '--initrd',
        'initrd.gz',
        '--arch',
        'arm64',
        '--arg',
        'quiet',
        'a=b',
      ]);
      assert.equal(ran.exit, 0, ran.err);
      assert.deepEqual(daemon.got.map(({ line, octets }) => [line, octets]).slice(0, 2), [
        ['POST /artefacts?name=vmlinuz-6.1', 300_000],
        ['POST /artefacts?name=initrd.gz', 1],
      ]);
      assert.deepEqual(daemon.got.at(-1)?.body, {
        name: 'my-images',
        version: 'abc123',
        arch: 'arm64',
        role: 'system',
        kernel: { name: 'vmlinuz-6.1', sha256: 'd'.repeat(64) },
        initrd: { name: 'initrd.gz', sha256: 'd'.repeat(64) },
        kernelArgs: ['quiet', 'a=b'],
        loaders: [],
        source: `folder ${folder}`,
      });
      assert.match(ran.err, /uploading vmlinuz 6\.1\nuploading initrd\.gz\nimported debian-12@1\n/);
    });

    it('import needs a source and an architecture', async () => {
      for (const words of [[], ['--folder', '/x'], ['--folder', '/x', '--debian', 'arm64'], ['--arch', 'sparc']])
        assert.equal((await daemon.run(['bundle', 'import', ...words])).exit, 2);
      assert.deepEqual(daemon.got, []);
    });

    it('agent build uploads what was built, loaders too, as role agent', async () => {
      const built = await startFakeDaemon({
        buildAgent: (arch, say, { ssh = false, ipmi = false }) => {
          say(`unpacking linux, ssh ${ssh}, ipmi ${ipmi}`);
          const file = (name: string, text: string): string => {
            writeFileSync(join(built.folder, name), text);
            return join(built.folder, name);
          };
          return Promise.resolve({
            name: `agent-${arch}`,
            version: '6.1',
            arch,
            role: 'agent',
            kernelFile: file('linux-arm64', 'k'),
            initrdFile: file('initrd-arm64.gz', 'i'),
            kernelArgs: ['panic=60'],
            loaders: [{ name: 'grubaa64.efi', file: file('grubaa64.efi', 'g') }],
            source: 'Debian',
          });
        },
      });
      for (const name of ['linux-arm64', 'initrd-arm64.gz', 'grubaa64.efi'])
        built.on(`POST /artefacts?name=${name}`, { status: 201, body: { name, sha256: 'e'.repeat(64), octets: 1 } });
      built.on('GET /bundles', { status: 200, body: { bundles: [] } });
      built.on('POST /bundles', { status: 201, body: { ...bundle, role: 'agent' } });
      const ran = await built.run(['agent', 'build', '--arch', 'arm64']);
      assert.equal(ran.exit, 0, ran.err);
      const body = lastBody(built);
      assert.deepEqual([body['role'], body['name']], ['agent', 'agent-arm64']);
      assert.deepEqual(body['loaders'], [{ name: 'grubaa64.efi', sha256: 'e'.repeat(64) }]);
      await built.close();
      const failed = await daemon.run(['agent', 'build', '--arch', 'armhf']);
      assert.deepEqual(failed, { exit: 1, out: '', err: 'farrier: apt is not installed; install it\n' });
      assert.equal((await daemon.run(['agent', 'build'])).exit, 2);
    });
  });

  describe('explain', () => {
    it('tells the plan, its arguments with their origins, and the limits', async () => {
      daemon.on('GET /machines/board-01/explain', { status: 200, body: explanation });
      const { exit, out } = await daemon.run(['explain', 'board-01', '--texts']);
      assert.equal(exit, 0);
      for (const line of [
        /^because +kernel arguments need 300 octets, u-boot holds 255$/m,
        /^remedy +shorten "extraArgs" by 45$/m,
        /^argument \(machine\) +panic=30$/m,
        /^argument limit +300 of 255 octets, u-boot$/m,
        /^DHCP +siaddr 10\.77\.0\.1$/m,
        /^--- grub\.cfg\n {2}line one\n {2}line \ufffdtwo$/m,
      ])
        assert.match(out, line);
      const asJson = await daemon.run(['explain', 'board-01', '-o', 'json', '--texts']);
      assert.deepEqual(JSON.parse(asJson.out), explanation);
    });

    it('a stranger by MAC and architecture', async () => {
      daemon.on('GET /explain?mac=52%3A54%3A00%3A00%3A00%3A09&arch=11', { status: 200, body: explanation });
      assert.equal((await daemon.run(['explain', '--mac', '52:54:00:00:00:09', '--arch', '11'])).exit, 0);
      assert.equal((await daemon.run(['explain'])).exit, 2);
      assert.equal((await daemon.run(['explain', 'board-01', '--mac', 'x'])).exit, 2);
    });
  });

  describe('user', () => {
    beforeEach(() => {
      daemon.on('POST /users', { status: 201, body: { name: 'alice', role: 'admin' } });
    });

    it('add asks twice, and never shows what was typed', async () => {
      const ran = await daemon.run(['user', 'add', 'alice', '--role', 'admin'], { typed: ['canary 1', 'canary 1'] });
      assert.deepEqual(ran, { exit: 0, out: '', err: 'Password: \nOnce more: \nalice is admin\n' });
      assert.deepEqual(daemon.got.at(-1)?.body, { name: 'alice', role: 'admin', password: 'canary 1' });
    });

    it('add reads the first line of standard input or a file', async () => {
      await daemon.run(['user', 'add', 'alice'], { stdin: 'piped in\nmore\n' });
      assert.deepEqual(daemon.got.at(-1)?.body, { name: 'alice', role: 'operator', password: 'piped in' });
      const file = join(daemon.folder, 'password');
      writeFileSync(file, 'on disk\r\n');
      await daemon.run(['user', 'add', 'alice', '--password-file', file], { typed: ['x'] });
      assert.equal(lastBody(daemon)['password'], 'on disk');
    });

    it('add refuses two passwords that differ, an empty one, and one as an argument', async () => {
      assert.equal((await daemon.run(['user', 'add', 'alice'], { typed: ['a', 'b'] })).exit, 2);
      assert.equal((await daemon.run(['user', 'add', 'alice'], { stdin: '' })).exit, 2);
      assert.equal((await daemon.run(['user', 'add', 'alice', 'password'], { stdin: 'x' })).exit, 2);
      assert.equal((await daemon.run(['user', 'add', 'alice', '--password-file', '/nowhere'])).exit, 1);
      assert.deepEqual(daemon.got, []);
    });

    it('list and rm', async () => {
      daemon.on('GET /users', { status: 200, body: { users: [{ name: 'alice', role: 'admin' }] } });
      daemon.on('DELETE /users/alice', { status: 204 });
      assert.match((await daemon.run(['user', 'list'])).out, /\nalice +admin +as its role\n/);
      assert.equal((await daemon.run(['user', 'rm', 'alice'])).exit, 0);
    });
  });

  describe('config', () => {
    it('init writes a sound file, and never over another', async () => {
      const file = join(daemon.folder, 'new.yaml');
      assert.equal((await daemon.run(['config', 'init', file])).exit, 0);
      const again = await daemon.run(['config', 'init', file]);
      assert.equal(again.exit, 4);
      assert.match(again.err, /is there already/);
      assert.equal((await daemon.run(['config', 'check', file])).exit, 0);
      assert.equal((await daemon.run(['config', 'init', '-'])).out, readFileSync(file, 'utf8'));
      assert.equal((await daemon.run(['config', 'init', '/nowhere/x.yaml'])).exit, 1);
    });

    it('check names place and remedy on stderr, a line each', async () => {
      const file = join(daemon.folder, 'bad.yaml');
      writeFileSync(file, 'datadir: /x\nnetworks: []\n');
      const { exit, out, err } = await daemon.run(['config', 'check', file]);
      assert.deepEqual([exit, out], [1, '']);
      assert.ok(err.includes(`farrier: ${file}:1:1: unknown key "datadir"; did you mean "dataDir"?\n`), err);
      assert.equal(err.trimEnd().split('\n').length, 2);
    });

    it('show tells the origin of each value', async () => {
      const file = join(daemon.folder, 'a.yaml');
      await daemon.run(['config', 'init', file]);
      const { out } = await daemon.run(['config', 'show', '-c', file]);
      assert.match(out, /^dataDir +"\/var\/lib\/farrier" +line 5$/m);
      assert.match(out, /^networks\[0\]\.leaseS +3600 +default$/m);
      const shown = JSON.parse((await daemon.run(['config', 'show', file, '-o', 'json'])).out) as { key: string }[];
      assert.equal(shown[0]?.key, 'dataDir');
    });

    it('without a file it says how to get one', async () => {
      const { exit, err } = await daemon.run(['config', 'check']);
      assert.equal(exit, 3);
      assert.match(err, /farrier config init/);
      assert.ok(!existsSync(join(daemon.folder, 'farrier.yaml')));
    });
  });

  it('serve and demo hand over to the daemon', async () => {
    await daemon.run(['serve', '--config', '/etc/f.yaml']);
    await daemon.run(['serve', '--force']);
    await daemon.run(['demo', '--boards', '5', '--qemu']);
    await daemon.run(['demo', '--port', '8080']);
    assert.deepEqual(daemon.work, [
      ['serve', { config: '/etc/f.yaml', force: false }],
      ['serve', { config: undefined, force: true }],
      ['demo', { boards: 5, qemu: true, port: 5240 }],
      ['demo', { boards: undefined, qemu: false, port: 8080 }],
    ]);
    assert.equal((await daemon.run(['demo', '--boards', 'many'])).exit, 2);
    assert.equal((await daemon.run(['demo', '--port', '65536'])).exit, 2);
  });
});

/** The members of the last request's body. */
function lastBody(daemon: FakeDaemon): Readonly<Record<string, unknown>> {
  const body = daemon.got.at(-1)?.body;
  return typeof body === 'object' && body !== null ? Object.fromEntries(Object.entries(body)) : {};
}

/** Lets a second pass whenever the command waits for one, until it has ended. */
async function passTime(daemon: FakeDaemon, running: Promise<unknown>): Promise<void> {
  const timer = setInterval(() => {
    if (daemon.clock.waiting() > 0) daemon.clock.advance(1000);
  }, 1);
  await running;
  clearInterval(timer);
}
