import { strict as assert } from 'node:assert';
import type { Board } from '../../server/core/board.ts';
import type { Artefact } from '../../server/core/bundle.ts';
import type { KernelForm } from '../../server/core/kernel-form.ts';
import { kernelWay, type KernelWay, type WaySigns } from '../../server/core/kernel-way.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { madeName, recipeKey, type Derived, type Recipe } from '../../server/core/recipe.ts';
import { artefact, debian, facts, pcBoard, uboot, ubootBoard, uefi } from './boot-fixtures.ts';

const [kernel, initrd, dtb] = [artefact('linux', 'a1'), artefact('initrd.gz', 'b2'), artefact('b.dtb', 'c3')];
const made = artefact('made', 'd4');
const AT = { load: 0x80080000, entry: 0x80080000 };
const armhf: Board = { ...ubootBoard, name: 'bench-arm', arch: 'armhf', kernelFormat: 'zImage' };

const FORM = {
  image: { is: 'Image', arch: 'arm64' },
  zImage: { is: 'zImage', arch: 'armhf' },
  bzImage: { is: 'bzImage', arch: 'amd64' },
  pc32: { is: 'bzImage', arch: 'i386' },
  imageGz: { is: 'gzip', arch: 'arm64', kernel: { is: 'Image', arch: 'arm64' } },
  zboot: { is: 'EFI zboot', arch: 'arm64' },
  program: { is: 'EFI program', arch: 'arm64' },
  uImage: { is: 'uImage', arch: 'armhf' },
  fit: { is: 'FIT', arch: undefined },
  odd: { is: 'unknown', arch: undefined },
  xz: { is: 'packed', by: 'xz', arch: undefined },
} as const satisfies Record<string, KernelForm>;

function signs(board: Board, form: KernelForm | undefined, change: Partial<WaySigns> = {}): WaySigns {
  const forms = new Map(form ? [[kernel.sha256, form]] : []);
  return { board, loader: 'u-boot', kernel, initrd, dtb: undefined, forms, derived: new Map(), ...change };
}

/** Makes whatever is asked for until the way is clear; says what was made, in order. */
function follow(start: WaySigns): { readonly way: KernelWay; readonly made: readonly Recipe[] } {
  const derived = new Map<string, Derived>();
  const recipes: Recipe[] = [];
  for (;;) {
    const way = kernelWay({ ...start, derived });
    if (way.is === 'ready' || way.needs.length === 0) return { way, made: recipes };
    for (const recipe of way.needs) {
      recipes.push(recipe);
      derived.set(recipeKey(recipe), { is: 'there', artefact: { ...made, name: madeName(recipe) } });
    }
  }
}
function filesOf(start: WaySigns): readonly (string | undefined)[] {
  const { way } = follow(start);
  assert.ok(way.is === 'ready', way.is === 'refused' ? way.because : '');
  const { files } = way;
  return [files.kernel.name, files.initrd?.name, files.dtb?.name];
}
const because = (start: WaySigns): string => {
  const { way } = follow(start);
  return way.is === 'refused' ? `${way.because}; ${way.remedy}` : 'ready';
};

describe('kernelWay', () => {
  const wants = (board: Board, kernelFormat: Board['kernelFormat']): Board => ({
    ...board,
    kernelFormat,
    kernelLoad: AT,
  });
  const ready: readonly (readonly [string, WaySigns, readonly string[], readonly (string | undefined)[]])[] = [
    ['an Image where an Image is read', signs(ubootBoard, FORM.image), [], ['linux', 'initrd.gz', undefined]],
    ['a kernel nobody has looked at', signs(ubootBoard, undefined), [], ['linux', 'initrd.gz', undefined]],
    [
      'a kernel of no known form, where none has to be made',
      signs(ubootBoard, FORM.odd),
      [],
      ['linux', 'initrd.gz', undefined],
    ],
    [
      "Ubuntu's gzip'd Image where a raw one is read",
      signs(ubootBoard, FORM.imageGz),
      ['unpacked'],
      ['linux', 'initrd.gz', undefined],
    ],
    [
      "an Image where a gzip'd one is read",
      signs(wants(ubootBoard, 'Image.gz'), FORM.image),
      ['gzip'],
      ['linux.gz', 'initrd.gz', undefined],
    ],
    [
      "a gzip'd Image where one is read",
      signs(wants(ubootBoard, 'Image.gz'), FORM.imageGz),
      [],
      ['linux', 'initrd.gz', undefined],
    ],
    [
      'a zImage that becomes a uImage',
      signs(wants(armhf, 'uImage'), FORM.zImage),
      ['uImage', 'uInitrd'],
      ['uImage', 'uInitrd', undefined],
    ],
    [
      'a uImage as it came, with its initrd wrapped',
      signs(wants(armhf, 'uImage'), FORM.uImage),
      ['uInitrd'],
      ['linux', 'uInitrd', undefined],
    ],
    [
      'a uImage without an initrd',
      signs(wants(armhf, 'uImage'), FORM.zImage, { initrd: undefined }),
      ['uImage'],
      ['uImage', undefined, undefined],
    ],
    [
      'an Image that becomes a FIT, packed first',
      signs(wants(ubootBoard, 'FIT'), FORM.image, { dtb }),
      ['gzip', 'FIT'],
      ['kernel.itb', undefined, undefined],
    ],
    [
      "a gzip'd Image that becomes a FIT",
      signs(wants(ubootBoard, 'FIT'), FORM.imageGz),
      ['FIT'],
      ['kernel.itb', undefined, undefined],
    ],
    [
      'a zImage that becomes a FIT',
      signs(wants(armhf, 'FIT'), FORM.zImage),
      ['FIT'],
      ['kernel.itb', undefined, undefined],
    ],
    ['a FIT as it came', signs(wants(ubootBoard, 'FIT'), FORM.fit), [], ['linux', undefined, undefined]],
    [
      'a 32-bit kernel on a 64-bit PC',
      signs(pcBoard, FORM.pc32, { loader: 'uefi' }),
      [],
      ['linux', 'initrd.gz', undefined],
    ],
    [
      'an EFI program that does not show its kernel',
      signs({ ...pcBoard, arch: 'arm64', kernelFormat: 'Image' }, FORM.program, { loader: 'uefi' }),
      [],
      ['linux', 'initrd.gz', undefined],
    ],
    [
      'a zboot image under UEFI',
      signs({ ...pcBoard, arch: 'arm64', kernelFormat: 'Image' }, FORM.zboot, { loader: 'uefi' }),
      [],
      ['linux', 'initrd.gz', undefined],
    ],
  ];
  for (const [title, start, recipes, files] of ready)
    it(`gives ${title}`, () => {
      assert.deepEqual(filesOf(start), files);
      assert.deepEqual(
        follow(start)
          .made.map((each) => each.make)
          .sort(),
        [...recipes].sort(),
      );
    });

  it('an initrd that is a uInitrd already is not wrapped again', () => {
    const forms = new Map<Artefact['sha256'], KernelForm>([
      [kernel.sha256, FORM.zImage],
      [initrd.sha256, FORM.uImage],
    ]);
    assert.deepEqual(filesOf(signs(wants(armhf, 'uImage'), undefined, { forms })), ['uImage', 'initrd.gz', undefined]);
  });

  it('a FIT says what lies inside it', () => {
    const { way } = follow(signs(wants(ubootBoard, 'FIT'), FORM.image, { dtb }));
    assert.ok(way.is === 'ready');
    assert.deepEqual(way.files.packed, { initrd, dtb });
  });

  const refusals: readonly (readonly [string, WaySigns, RegExp])[] = [
    [
      'an x86 kernel on an ARM board',
      signs(ubootBoard, FORM.bzImage),
      /its kernel is a bzImage \(x86, amd64\), but board "bench-uboot" is arm64; assign/,
    ],
    ['an ARM kernel on a PC', signs(pcBoard, FORM.zImage), /a zImage for armhf, but board "bench-pc" is amd64/],
    [
      'a 64-bit kernel on a 32-bit board',
      signs(armhf, FORM.image),
      /an Image for arm64, but board "bench-arm" is armhf/,
    ],
    [
      "an amd64 kernel in gzip's clothes",
      signs(ubootBoard, { is: 'gzip', arch: 'amd64', kernel: FORM.bzImage }),
      /bzImage .* packed with gzip/,
    ],
    [
      'a zboot image for u-boot',
      signs(ubootBoard, FORM.zboot),
      /an EFI zboot image for arm64, but board "bench-uboot" starts Image/,
    ],
    [
      'a zboot image for the Raspberry Pi’s own loader',
      signs(ubootBoard, FORM.zboot, { loader: 'rpi' }),
      /zboot image/,
    ],
    ['an xz file', signs(ubootBoard, FORM.xz), /a file packed with xz, but board "bench-uboot" starts Image/],
    [
      'a uImage where a zImage is read',
      signs(armhf, FORM.uImage),
      /a uImage for armhf.* starts zImage; import the kernel as zImage/,
    ],
    ['a FIT where an Image is read', signs(ubootBoard, FORM.fit), /a FIT, but/],
    [
      'a kernel of no known form that would have to be wrapped',
      signs(wants(armhf, 'uImage'), FORM.odd),
      /no kernel Farrier knows/,
    ],
    [
      'a board that does not say where its uImage goes',
      signs({ ...armhf, kernelFormat: 'uImage' }, FORM.zImage),
      /does not say where its uImage is loaded to; write kernelLoad/,
    ],
  ];
  for (const [title, start, want] of refusals)
    it(`refuses ${title}`, () => {
      assert.match(because(start), want);
    });

  it('says that a file is being made, or why it could not be', () => {
    const start = signs(ubootBoard, FORM.imageGz);
    const key = recipeKey({ make: 'unpacked', from: kernel });
    assert.match(
      because({ ...start, derived: new Map([[key, { is: 'making' }]]) }),
      /has not been made|being made|ready/,
    );
    const way = (state: Derived): KernelWay => kernelWay({ ...start, derived: new Map([[key, state]]) });
    const [making, failed] = [way({ is: 'making' }), way({ is: 'failed', because: 'the disk is full' })];
    assert.ok(making.is === 'refused' && failed.is === 'refused');
    assert.match(making.because, /the unpacked form of its kernel is being made/);
    assert.match(failed.because, /could not be made: the disk is full/);
    assert.deepEqual([making.needs, failed.needs], [[], []]);
  });
});

describe('a recipe', () => {
  const recipes: readonly Recipe[] = [
    { make: 'gzip', from: kernel },
    { make: 'unpacked', from: kernel },
    { make: 'gzip', from: initrd },
    { make: 'uInitrd', from: kernel, arch: 'armhf' },
    { make: 'uInitrd', from: kernel, arch: 'arm64' },
    { make: 'uImage', from: kernel, arch: 'armhf', packing: 'none', at: AT },
    { make: 'uImage', from: kernel, arch: 'armhf', packing: 'gzip', at: AT },
    { make: 'uImage', from: kernel, arch: 'armhf', packing: 'none', at: { load: 1, entry: 2 } },
    { make: 'FIT', from: kernel, arch: 'armhf', packing: 'none', at: AT, initrd, dtb },
    { make: 'FIT', from: kernel, arch: 'armhf', packing: 'none', at: AT, initrd, dtb: undefined },
    { make: 'FIT', from: kernel, arch: 'armhf', packing: 'none', at: AT, initrd: undefined, dtb: initrd },
  ];
  it('is told from every other by all that changes what it makes, and not by names', () => {
    assert.equal(new Set(recipes.map(recipeKey)).size, recipes.length);
    assert.equal(
      recipeKey({ make: 'gzip', from: kernel }),
      recipeKey({ make: 'gzip', from: { ...kernel, name: 'x' } }),
    );
  });

  it('names what it makes', () => {
    assert.deepEqual(
      recipes.map(madeName).filter((name, at, all) => all.indexOf(name) === at),
      ['linux.gz', 'linux', 'initrd.gz.gz', 'uInitrd', 'uImage', 'kernel.itb'],
    );
    assert.equal(madeName({ make: 'unpacked', from: artefact('Image.gz', 'a1') }), 'Image');
  });
});

describe('planBoot and the form of kernels', () => {
  it('refuses before power-on, with the recipes that would help', () => {
    const plan = planBoot({ ...facts, forms: new Map([[debian.kernel.sha256, FORM.imageGz]]) }, uboot);
    assert.ok(plan.do === 'refuse');
    assert.deepEqual(plan.needs, [{ make: 'unpacked', from: debian.kernel }]);
  });

  it('an x86 kernel under an arm64 bundle is named', () => {
    const plan = planBoot({ ...facts, forms: new Map([[debian.kernel.sha256, FORM.bzImage]]) }, uboot);
    assert.match(plan.because, /bzImage \(x86, amd64\), but board "bench-uboot" is arm64/);
  });

  it('plans with the made file in the place of the stored one', () => {
    const recipe: Recipe = { make: 'unpacked', from: debian.kernel };
    const derived = new Map<string, Derived>([[recipeKey(recipe), { is: 'there', artefact: made }]]);
    const plan = planBoot({ ...facts, derived, forms: new Map([[debian.kernel.sha256, FORM.imageGz]]) }, uboot);
    assert.ok(plan.do === 'boot');
    assert.equal(plan.kernel, made);
  });
});

describe('arguments in the DTB', () => {
  const tree = { name: 'b.dtb', sha256: dtb.sha256, octets: 1000, source: 'a test', licence: 'none' };
  const board = (change: Partial<Board> = {}): Board => ({
    ...ubootBoard,
    dtb: tree,
    loaders: [{ loader: 'u-boot', formats: ['extlinux'], argOctetsMax: { extlinux: 255 }, dtbArgs: ['extlinux'] }],
    ...change,
  });
  const plan = (octets: number, change: Partial<Board> = {}) =>
    planBoot(
      { ...facts, board: board(change), machine: { ...facts.machine!, extraArgs: ['x'.repeat(octets)] } },
      uboot,
    );

  it('short ones stay in the format', () => {
    const short = plan(20);
    assert.ok(short.do === 'boot');
    assert.equal(short.argsIn, 'format');
  });

  it('too long ones go into the DTB, and the reason is told', () => {
    const long = plan(900);
    assert.ok(long.do === 'boot');
    assert.equal(long.argsIn, 'dtb');
    assert.match(long.because, /go into \/chosen\/bootargs of its DTB, for kernel arguments need \d+ octets/);
    assert.ok(long.args.limits.every((limit) => limit.octets <= limit.octetsMax));
  });

  it("the kernel's own limit holds there too", () => {
    assert.equal(plan(2100).do, 'refuse');
  });

  it('not without a DTB of ours, nor where the loader would overwrite it, nor with a word no kernel takes', () => {
    assert.equal(plan(900, { dtb: undefined }).do, 'refuse');
    const loaders = [{ loader: 'u-boot' as const, formats: ['extlinux' as const], argOctetsMax: { extlinux: 255 } }];
    assert.equal(plan(900, { loaders }).do, 'refuse');
    const odd = { ...facts.machine!, extraArgs: ['x'.repeat(900), 'a b'] };
    assert.equal(planBoot({ ...facts, board: board(), machine: odd }, uboot).do, 'refuse');
  });

  it('a PC is asked no such thing', () => {
    assert.equal(planBoot({ ...facts, board: pcBoard, bundle: { ...debian, arch: 'amd64' } }, uefi).do, 'boot');
  });
});
