import { strict as assert } from 'node:assert';
import { BOARD_ADDRESS, layBench, SERVER, type BootBench } from './boot-bench.ts';
import type { Board } from '../../server/core/board.ts';
import { chosenDtbPath } from '../../server/core/boot-path.ts';
import type { FileAnswer } from '../../server/ports/boot-files.ts';
import { contentInMemory } from '../../server/ports/artefacts.ts';
import { digestOf } from '../../server/files/board-dtb.ts';
import { createBootFiles, type ServeFilesDeps } from '../../server/services/serve-files.ts';
import { decodeFdt } from '../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';
import { fdtNode, fromTexts, nodeAt } from '../../server/wire/fdt/tree.ts';
import { debian, MAC, machine, macFrom, ubootBoard } from '../core/boot-fixtures.ts';

const root = fdtNode(
  '',
  [['model', fromTexts('Bench')]],
  [
    fdtNode('chosen', [
      ['bootargs', fromTexts('of the kernel package')],
      ['stdout-path', fromTexts('serial0')],
    ]),
  ],
);
const DTB = encodeFdt({ bootCpuId: 0, reservations: [], root });
const sha256 = digestOf(DTB);
const board: Board = {
  ...ubootBoard,
  dtb: { name: 'bench.dtb', sha256, octets: DTB.length, source: 'a test', licence: 'none' },
  loaders: [{ loader: 'u-boot', formats: ['extlinux'], argOctetsMax: { extlinux: 255 }, dtbArgs: ['extlinux'] }],
};
const LONG = `long=${'x'.repeat(900)}`;

function lay(
  extraArgs: readonly string[],
  octets: Uint8Array = DTB,
  bundle = 'debian@12',
): { bench: BootBench; deps: ServeFilesDeps } {
  const bench = layBench({ ...machine, extraArgs, bundle }, [board]);
  bench.leases.set(BOARD_ADDRESS, MAC);
  const boards = {
    ...bench.deps.boards,
    openDtb: (asked: typeof sha256) => Promise.resolve(asked === sha256 ? contentInMemory(asked, octets) : undefined),
  };
  return { bench, deps: { ...bench.deps, boards } };
}
async function ask(deps: ServeFilesDeps, path: string): Promise<FileAnswer> {
  return createBootFiles(deps).open({ via: 'tftp', path, peer: BOARD_ADDRESS, local: SERVER });
}
async function octetsOf(answer: FileAnswer): Promise<Uint8Array> {
  assert.ok(answer.is === 'file', answer.is === 'refused' ? answer.because : answer.is);
  return answer.content.read(0, answer.content.octets);
}

describe('a DTB made for one boot', () => {
  it('is named by the config, which has no append line, and holds the arguments and all else as it was', async () => {
    const { deps } = lay([LONG]);
    const config = new TextDecoder().decode(await octetsOf(await ask(deps, 'pxelinux.cfg/01-52-54-00-12-34-56')));
    assert.match(config, new RegExp(`^  fdt ${chosenDtbPath(MAC)}$`, 'm'));
    assert.ok(!config.includes('append'));
    const octets = await octetsOf(await ask(deps, chosenDtbPath(MAC)));
    const seen = readFdt(octets);
    assert.ok(seen.ok);
    assert.match(seen.value.bootargs ?? '', new RegExp(`quiet .*${LONG}`));
    assert.equal(seen.value.model, 'Bench');
    const tree = decodeFdt(octets);
    assert.ok(tree.ok);
    assert.deepEqual(nodeAt(tree.value.root, '/chosen')?.properties.get('stdout-path'), fromTexts('serial0'));
  });

  it('is for the board it was made for and for nobody else', async () => {
    const { bench, deps } = lay([LONG]);
    const other = await ask(deps, chosenDtbPath(macFrom('52:54:00:12:34:57')));
    assert.match(other.is === 'refused' ? other.because : '', /device tree of 52:54:00:12:34:57, another board/);
    bench.leases.clear();
    const stranger = await ask(deps, chosenDtbPath(MAC));
    assert.match(stranger.is === 'refused' ? stranger.because : '', /holds no lease/);
  });

  it('4 the boot’s token goes out to its board only: it is in no event, boot record, plan or stored file', async () => {
    const { bench, deps } = lay([LONG], DTB, 'debian@13');
    await bench.store.bundles.add({ ...debian, version: '13', callsHome: true }, []);
    const shown = await octetsOf(await ask(deps, chosenDtbPath(MAC)));
    const token = /farrier\.token=([0-9a-f]{32})/.exec(Buffer.from(shown).toString('latin1'))?.[1] ?? 'none';
    assert.equal(deps.sessions.byMac(MAC)?.token, token, 'it is in the tree that was sent');
    // What is made for one boot is not among the files anybody may ask for by digest.
    for (const path of [`boot/${digestOf(shown).slice(0, 16)}/x.dtb`, `boot/${digestOf(shown)}/x.dtb`])
      assert.notEqual((await ask(deps, path)).is, 'file');
    await octetsOf(await ask(deps, 'pxelinux.cfg/01-52-54-00-12-34-56'));
    await ask(deps, `pxelinux.cfg/01-52-54-00-12-34-57`);
    const boots = await bench.store.boots.ofMachine(machine.id, 9);
    const told = JSON.stringify([await bench.events(), boots, await bench.store.machines.list()]);
    assert.ok(boots[0]?.served?.args.includes('farrier.token=…'), 'the record says that there was one');
    assert.ok(!told.includes(token));
  });

  it('is not there when the arguments fit after all', async () => {
    const answer = await ask(lay([]).deps, chosenDtbPath(MAC));
    assert.match(answer.is === 'refused' ? answer.because : '', /its plan has changed/);
  });

  it('is refused in words when the board’s file has gone bad', async () => {
    const answer = await ask(lay([LONG], new Uint8Array(100)).deps, chosenDtbPath(MAC));
    assert.match(answer.is === 'refused' ? answer.because : '', /no device tree: the magic number/);
  });
});
