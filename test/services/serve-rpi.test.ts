import { strict as assert } from 'node:assert';
import type { Board } from '../../server/core/board.ts';
import type { BootRequest } from '../../server/core/boot-plan.ts';
import { artefactPath } from '../../server/core/bundle.ts';
import type { Machine } from '../../server/core/machine.ts';
import { contentInMemory } from '../../server/ports/artefacts.ts';
import type { BootFiles, FileAnswer } from '../../server/ports/boot-files.ts';
import { createExplain } from '../../server/services/explain.ts';
import { createDhcpAdvisor } from '../../server/services/serve-boot.ts';
import { createBootFiles } from '../../server/services/serve-files.ts';
import { artefact, debian, machine, macFrom, ubootBoard } from '../core/boot-fixtures.ts';
import { BOARD_ADDRESS, layBench, rack1, SERVER, ubootRequest, type BootBench } from './boot-bench.ts';

const MAC = macFrom('dc:a6:32:01:36:c2');
const FOLDER = 'b7f44626/';
const START = artefact('start4.elf', 'd4');
const DTB = artefact('bcm2711-rpi-4-b.dtb', 'c3');
const HABITS = { blksizeMax: 1024, windowsizeMax: 1, options: true };
const pi4: Board = {
  ...ubootBoard,
  name: 'bench-pi',
  signs: { ...ubootBoard.signs, clientArch: [], vendorClass: ['PXEClient:Arch:00000:UNDI:002001'] },
  loaders: [{ loader: 'rpi', formats: ['rpi'], argOctetsMax: { rpi: 1023 } }],
  dtb: { ...DTB, source: 'a test', licence: 'none' },
  firmware: [{ name: START.name, artefact: START, missing: undefined }],
  tftp: HABITS,
};
const owner: Machine = { ...machine, macs: [MAC], board: 'bench-pi' };
const request: BootRequest = {
  ...{ mac: MAC, clientArch: 0, vendorClass: 'PXEClient:Arch:00000:UNDI:002001', userClass: undefined },
  ...{ systemUuid: '34695052-3111-00c0-3201-36c22646f4b7', loader: 'rpi', arch: undefined, format: undefined },
};

interface Lab extends BootBench {
  readonly files: BootFiles;
}

/** A bench whose board has its firmware and DTB, and on which the Pi has just taken an address. */
async function lay(board = pi4, who = owner, said: BootRequest = request): Promise<Lab> {
  const bench = layBench(who, [board, ubootBoard]);
  const openDtb = (sha256: string) => {
    const found = [START, DTB].find((each) => each.sha256 === sha256);
    return Promise.resolve(found && contentInMemory(found.sha256, new Uint8Array(found.octets)));
  };
  const findDtb = (start: string) => (DTB.sha256.startsWith(start) ? DTB.sha256 : undefined);
  const deps = { ...bench.deps, boards: { ...bench.deps.boards, openDtb, findDtb } };
  await createDhcpAdvisor(deps).advise(said, rack1, true);
  bench.leases.set(BOARD_ADDRESS, said.mac);
  return { ...bench, deps, files: createBootFiles(deps) };
}

const ask = (lab: Lab, path: string): Promise<FileAnswer> =>
  lab.files.open({ via: 'tftp', path, peer: BOARD_ADDRESS, local: SERVER });
async function textAt(lab: Lab, path: string): Promise<string> {
  const answer = await ask(lab, path);
  assert.ok(answer.is === 'file', `${path}: ${answer.is}`);
  return new TextDecoder().decode(await answer.content.read(0, answer.content.octets));
}

describe('the files of a Raspberry Pi', () => {
  it('config.txt names the kernel, and cmdline.txt holds the arguments on its one line', async () => {
    const lab = await lay();
    assert.match(await textAt(lab, `${FOLDER}config.txt`), new RegExp(`^kernel=${artefactPath(debian.kernel)}$`, 'm'));
    const line = await textAt(lab, `${FOLDER}cmdline.txt`);
    assert.match(line, /^quiet .*BOOTIF=01-dc-a6-32-01-36-c2\n$/);
    assert.equal(line.split('\n').length, 2);
  });

  for (const folder of ['', FOLDER, 'dc-a6-32-01-36-c2/'])
    it(`in the folder "${folder}" it finds its firmware, its DTB by digest and by name, and its kernel`, async () => {
      const lab = await lay();
      for (const path of ['start4.elf', artefactPath(DTB), DTB.name, artefactPath(debian.kernel), 'config.txt'])
        assert.equal((await ask(lab, folder + path)).is, 'file', path);
    });

  it('what it merely searches for is not here, and no matter', async () => {
    const lab = await lay();
    for (const path of ['recovery.elf', 'start.elf', 'pieeprom.sig', 'overlays/overlay_map.dtb', 'bootcode.bin'])
      assert.equal((await ask(lab, FOLDER + path)).is, 'absent', path);
    const told = (await lab.events()).filter((event) => event.kind === 'tftp');
    assert.ok(told.every((event) => event.severity === 'note' && event.text.includes('a normal part of its search')));
  });

  it("another board's folder is refused, by its serial number and by its MAC", async () => {
    const lab = await lay();
    for (const folder of ['deadbeef/', 'dc-a6-32-01-36-c3/']) {
      const answer = await ask(lab, `${folder}config.txt`);
      assert.ok(answer.is === 'refused' && /another board/.test(answer.because));
    }
  });

  it('a missing firmware file: no first file, and the reason where it asks all the same', async () => {
    const missing = { name: 'start4.elf', artefact: undefined, missing: 'the firmware file start4.elf is not there' };
    const lab = await lay({ ...pi4, firmware: [missing] });
    const advice = await createDhcpAdvisor(lab.deps).advise(request, rack1, true);
    assert.deepEqual([advice.answer, advice.file], [true, undefined]);
    const answer = await ask(lab, `${FOLDER}config.txt`);
    assert.ok(answer.is === 'refused' && /start4\.elf is not there/.test(answer.because));
    assert.equal((await ask(lab, `${FOLDER}start4.elf`)).is, 'absent');
    assert.ok((await lab.events()).some(({ text }) => /^refused: .*start4\.elf.*put that file beside/.test(text)));
  });

  it('a machine that is to boot its disk gets no config.txt', async () => {
    const lab = await lay(pi4, { ...owner, bundle: undefined });
    const answer = await ask(lab, 'config.txt');
    assert.ok(answer.is === 'refused' && /no bundle is assigned/.test(answer.because));
  });

  it('nobody else is answered to these names, and an address without a lease neither', async () => {
    const uboot = await lay(ubootBoard, { ...owner, board: ubootBoard.name }, ubootRequest(MAC));
    for (const path of ['config.txt', 'start4.elf', 'cmdline.txt']) assert.equal((await ask(uboot, path)).is, 'absent');
    const lab = await lay();
    lab.leases.clear();
    assert.equal((await ask(lab, `${FOLDER}config.txt`)).is, 'absent');
  });

  it("each file comes with the habits of the asker's board", async () => {
    const lab = await lay();
    for (const path of ['config.txt', artefactPath(debian.kernel)]) {
      const answer = await ask(lab, path);
      assert.ok(answer.is === 'file');
      assert.deepEqual(answer.habits, HABITS);
    }
    lab.leases.clear();
    const stranger = await ask(lab, artefactPath(debian.kernel));
    assert.ok(stranger.is === 'file' && stranger.habits === undefined);
  });

  it('farrier explain shows what it then gets, text by text', async () => {
    const lab = await lay();
    const explain = createExplain({
      ...lab.deps,
      store: lab.store,
      files: lab.deps.store,
      text: (octets) => new TextDecoder().decode(octets),
      networks: () => [rack1],
      leases: () => [],
      dhcpAnswer: () => [],
    });
    const outcome = await explain({ ref: owner.name });
    assert.ok(outcome.is === 'done');
    const { files } = outcome.explanation;
    assert.deepEqual(
      files.map((each) => each.path),
      [...['start4.elf', 'config.txt', 'cmdline.txt'], ...[debian.kernel, debian.initrd ?? DTB, DTB].map(artefactPath)],
    );
    for (const path of ['config.txt', 'cmdline.txt'])
      assert.equal(files.find((each) => each.path === path)?.text, await textAt(lab, FOLDER + path));
  });
});
