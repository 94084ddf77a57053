import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchLoaders } from '../../agent/loaders.ts';
import type { BootPlan } from '../../server/core/boot-plan.ts';
import { artefactPath } from '../../server/core/bundle.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { openRender } from '../../server/render/render.ts';
import { debian, facts, machine, macFrom, pcBoard, uefi } from '../core/boot-fixtures.ts';
import { TEST_CACHE } from '../support/agent-boot.ts';
import { inTempFolder } from '../support/archives.ts';
import { carriedWords } from '../support/arg-samples.ts';
import { echoKernelEfi } from './echo-kernel.ts';
import { BENCH_SERVER, layBench, type LoaderBench } from './loader-bench.ts';

/** What GRUB's own language would make much of, were it not quoted. */
const HOSTILE = [
  'b=$x${y}$(z)',
  'd=;&&|#{}<>*?[x]~`%!',
  'e=ütf→8',
  '#f',
  'g===',
  '{{',
  '||',
  ';',
  'h=/boot/*',
  '/boot/*',
  '"i=two  words and a third"',
  '"j= $x ; #"',
];

describe("Debian's signed GRUB and the octets of kernel arguments", function () {
  this.timeout(700_000);
  let bench: LoaderBench;

  before(async () => {
    bench = await layBench('brgrub');
    await inTempFolder(async (outDir) => {
      const loaders = await fetchLoaders({ arch: 'amd64', cacheDir: TEST_CACHE, outDir });
      const grub = loaders.find((each) => each.name === 'grubx64.efi');
      assert.ok(grub);
      bench.put('grubx64.efi', readFileSync(grub.file));
    });
  });

  after(() => bench.remove());

  it('as many octets as the kernel takes, BOOT_IMAGE and hostile words among them, reach it whole', async () => {
    const mac = macFrom('52:54:00:79:01:01');
    const kernel = bench.store('linux', echoKernelEfi());
    const bundle = { ...debian, arch: 'amd64', kernel, initrd: bench.store('initrd.gz', new Uint8Array(600)) } as const;
    const planOf = (extraArgs: readonly string[]): BootPlan =>
      planBoot(
        { ...facts, board: pcBoard, bundle, server: BENCH_SERVER, machine: { ...machine, extraArgs } },
        { ...uefi, mac, format: 'grub' },
      );
    const hostile = [...HOSTILE, ...carriedWords('grub', 1200, 4)];
    assert.ok(hostile.length >= 40 && hostile.some((word) => word.startsWith('"r.')));
    const bare = planOf(hostile);
    assert.ok(bare.do === 'boot');
    const room = 2047 - (bare.args.limits[0]?.octets ?? 0) - 1;
    assert.equal(planOf([...hostile, 'x'.repeat(room + 1)]).do, 'refuse');
    const plan = planOf([...hostile, 'x'.repeat(room)]);
    assert.ok(plan.do === 'boot');
    const config = openRender([fileURLToPath(new URL('../../templates', import.meta.url))])('grub', plan);
    assert.ok(config.ok);
    bench.put(join('grub', 'grub.cfg'), config.value);
    const said = await bench.runEfi(mac);
    const want = `BOOT_IMAGE=/${artefactPath(kernel)} ${plan.args.text}\0`;
    assert.equal(said.subarray(-2048).toString(), want, said.toString().slice(0, 2000));
  });
});
