import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fetchLoaders } from '../../agent/loaders.ts';
import type { BootPlan } from '../../server/core/boot-plan.ts';
import { configPath } from '../../server/core/boot-path.ts';
import { artefactPath } from '../../server/core/bundle.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { openRender } from '../../server/render/render.ts';
import { debian, facts, machine, macFrom, pcBoard, uefi } from '../core/boot-fixtures.ts';
import { TEST_CACHE } from '../support/agent-boot.ts';
import { inTempFolder } from '../support/archives.ts';
import { echoKernelPc } from './echo-kernel.ts';
import { BENCH_SERVER, layBench, type LoaderBench } from './loader-bench.ts';

/** What other loaders would make much of: PXELINUX reads the rest of the line as it is. */
const HOSTILE = ['a="x y"', 'd=;&&|#{}<>*?[x]~`%!', 'e=ütf→8', '#f', 'g===', '{{', '||', ';', '/boot/*'];

describe("Debian's PXELINUX and the octets of kernel arguments", function () {
  this.timeout(700_000);
  let bench: LoaderBench;

  before(async () => {
    bench = await layBench('brpxel');
    await inTempFolder(async (outDir) => {
      const loaders = await fetchLoaders({ arch: 'amd64', cacheDir: TEST_CACHE, outDir });
      for (const name of ['pxelinux.0', 'ldlinux.c32']) {
        const found = loaders.find((each) => each.name === name);
        assert.ok(found, name);
        bench.put(name, readFileSync(found.file));
      }
    });
    bench.put('boot.ipxe', new TextEncoder().encode('#!ipxe\nchain tftp://${next-server}/pxelinux.0\n'));
  });

  after(() => bench.remove());

  it('as many octets as PXELINUX takes, what PXELINUX adds and hostile words among them, reach it whole', async () => {
    const mac = macFrom('52:54:00:79:02:01');
    const kernel = bench.store('linux', echoKernelPc());
    const bundle = { ...debian, arch: 'amd64', kernel, initrd: bench.store('initrd.gz', new Uint8Array(600)) } as const;
    const loaders = [{ loader: 'pxe-bios', formats: ['extlinux'], argOctetsMax: { extlinux: 2046 } }] as const;
    const planOf = (extraArgs: readonly string[]): BootPlan =>
      planBoot(
        { ...facts, board: { ...pcBoard, loaders }, bundle, server: BENCH_SERVER, machine: { ...machine, extraArgs } },
        { ...uefi, mac, clientArch: 0, format: 'extlinux' },
      );
    const bare = planOf(HOSTILE);
    assert.ok(bare.do === 'boot');
    const room = 2046 - (bare.args.limits[0]?.octets ?? 0) - 1;
    assert.equal(planOf([...HOSTILE, 'x'.repeat(room + 1)]).do, 'refuse');
    const plan = planOf([...HOSTILE, 'x'.repeat(room)]);
    assert.ok(plan.do === 'boot');
    const config = openRender([fileURLToPath(new URL('../../templates', import.meta.url))])('extlinux', plan);
    assert.ok(config.ok);
    bench.put(configPath('extlinux', mac), config.value);
    const said = await bench.runPc(mac);
    const want = `BOOT_IMAGE=${artefactPath(kernel)} ${plan.args.text} initrd=${artefactPath(bundle.initrd)}\0`;
    assert.equal(said.subarray(-2047).toString(), want, said.toString().slice(0, 2000));
  });
});
