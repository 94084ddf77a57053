import { strict as assert } from 'node:assert';
import { artefactPath } from '../../server/core/bundle.ts';
import { sha256Of } from '../../server/edges/digest.ts';
import { explainAnswer } from '../../server/net/dhcp-explain.ts';
import { textOfRendered } from '../../server/render/render.ts';
import { createExplain, type Explain } from '../../server/services/explain.ts';
import { createBootFiles } from '../../server/services/serve-files.ts';
import { agent, artefact, debian, MAC, machine, macFrom, pcBoard, ubootBoard } from '../core/boot-fixtures.ts';
import { BOARD_ADDRESS, layBench, rack1, SERVER, type BootBench } from './boot-bench.ts';

function explainOn(bench: BootBench, recognised = ubootBoard.name): Explain {
  return createExplain({
    ...bench.deps,
    store: bench.store,
    files: bench.deps.store,
    recognise: () => ({ board: recognised, evidence: ['option 93 says so'] }),
    networks: () => [rack1],
    leases: () => [],
    digest: sha256Of,
    dhcpAnswer: explainAnswer,
    text: textOfRendered,
  });
}

async function explained(explain: Explain, request: Parameters<Explain>[0]) {
  const outcome = await explain(request);
  assert.ok(outcome.is === 'done');
  return outcome.explanation;
}

describe('explain', () => {
  it('tells a machine’s first file, plan, config and files with their digests', async () => {
    const told = await explained(explainOn(layBench(machine)), { ref: machine.name });
    assert.equal(told.plan.do, 'boot');
    assert.ok(told.dhcp.includes('file "boot.scr.uimg"'));
    assert.deepEqual(
      told.files.map((file) => file.path),
      [
        ...['pxelinux.cfg/01-52-54-00-12-34-56', 'boot.scr.uimg'],
        ...[artefactPath(debian.kernel), artefactPath(debian.initrd ?? debian.kernel)],
      ],
    );
  });

  for (const [nth, path] of ['pxelinux.cfg/01-52-54-00-12-34-56', 'boot.scr.uimg'].entries())
    it(`is the very ${path} the board then gets, whenever it asks`, async () => {
      const bench = layBench(machine);
      const told = (await explained(explainOn(bench), { ref: machine.name })).files[nth];
      bench.leases.set(BOARD_ADDRESS, MAC);
      bench.clock.advance(86_400_000);
      const served = await createBootFiles(bench.deps).open({ via: 'tftp', path, peer: BOARD_ADDRESS, local: SERVER });
      assert.ok(served.is === 'file');
      assert.equal(told?.path, path);
      assert.equal(told.text, textOfRendered(await served.content.read(0, served.content.octets)));
      assert.match(told.text, /^# /);
      assert.deepEqual([told.octets, told.sha256], [served.content.octets, served.content.sha256]);
    });

  it('arguments too long for one of the ways u-boot goes: what it is given on that way is told too', async () => {
    const bench = layBench({ ...machine, extraArgs: [`lab.long=${'x'.repeat(400)}`] });
    const told = await explained(explainOn(bench), { ref: machine.name });
    assert.ok(told.plan.do === 'boot' && told.plan.format === 'boot-script');
    assert.match(told.files.find((file) => file.path.startsWith('pxelinux.cfg/'))?.text ?? '', /Farrier refuses/);
  });

  it('changes nothing: no boot record, no event, no machine', async () => {
    const bench = layBench(undefined);
    await explained(explainOn(bench), { mac: MAC, clientArch: 22 });
    assert.deepEqual(await bench.events(), []);
    assert.deepEqual(await bench.store.machines.list(), []);
  });

  it('a stranger of architecture 11 is a UEFI, which sends option 97, and not u-boot’s EFI step', async () => {
    const arm = { ...pcBoard, name: 'bench-arm-uefi', arch: 'arm64' as const };
    const explain = explainOn(layBench(undefined, [arm]), arm.name);
    const told = await explained(explain, { mac: macFrom('52:54:00:00:00:0b'), clientArch: 11 });
    assert.ok(told.dhcp.includes('file "shimaa64.efi"'), told.dhcp.join('; '));
  });

  const http = { loader: 'uefi-http', formats: ['ipxe'], argOctetsMax: {} } as const;
  it('UEFI’s HTTP boot is told its URL, its kind in option 60, and the iPXE behind it', async () => {
    const arm = { ...pcBoard, name: 'bench-http', arch: 'arm64' as const, loaders: [...pcBoard.loaders, http] };
    const bench = layBench(undefined, [arm]);
    const loaders = [artefact('ipxe-arm64.efi', 'c3'), artefact('grubaa64.efi', 'd4')];
    await bench.store.bundles.add({ ...agent, version: '2', createdMs: 1, loaders }, []);
    const told = await explained(explainOn(bench, arm.name), { mac: macFrom('52:54:00:00:00:0c'), clientArch: 19 });
    assert.ok(
      told.dhcp.includes('option 67 boot file name "http://10.77.0.1:5240/boot/ipxe-arm64.efi"'),
      told.dhcp.join(),
    );
    assert.ok(told.dhcp.includes('option 60 vendor class "HTTPClient"'));
    assert.deepEqual(
      told.files.slice(0, 2).map((file) => file.path),
      ['boot/ipxe-arm64.efi', 'boot.ipxe'],
    );
  });

  it('a machine last seen as iPXE is explained as its ROM when that is asked for', async () => {
    const firmware = { clientArch: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003010', userClass: 'iPXE' };
    const pc = { ...pcBoard, arch: 'arm64' as const, loaders: [...pcBoard.loaders, http] };
    const known = { ...machine, firmware, board: pc.name, systemUuid: 'u' };
    const explain = explainOn(layBench(known, [pc]), pc.name);
    assert.ok(
      (await explained(explain, { ref: known.name, clientArch: 19 })).dhcp.some((line) => /ipxe-arm64/.test(line)),
    );
  });

  it('a refusal is told with its reason and remedy, and no file', async () => {
    const bench = layBench(machine, [{ ...ubootBoard, dtbMissing: 'the DTB mustang.dtb is not there' }]);
    const told = await explained(explainOn(bench), { ref: machine.name });
    assert.ok(told.plan.do === 'refuse' && told.plan.because.includes('mustang.dtb') && told.plan.remedy !== '');
    assert.deepEqual(told.files, []);
  });

  it('the agent’s token is shown as zeros, so that no real one ever leaves', async () => {
    const bench = layBench({ ...machine, state: 'new', bundle: undefined });
    const told = await explained(explainOn(bench), { ref: machine.name });
    assert.match(told.files[0]?.text ?? '', /farrier\.token=0{32}/);
  });

  it('a name nobody has, and nothing at all, are refused in words', async () => {
    const explain = explainOn(layBench(machine));
    assert.equal((await explain({ ref: 'nobody' })).is, 'unknown-machine');
    assert.equal((await explain({})).is, 'bad-value');
  });
});
