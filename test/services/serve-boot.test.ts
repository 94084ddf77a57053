import { strict as assert } from 'node:assert';
import { artefactPath } from '../../server/core/bundle.ts';
import type { FileAnswer } from '../../server/ports/boot-files.ts';
import { createDhcpAdvisor } from '../../server/services/serve-boot.ts';
import { createBootFiles } from '../../server/services/serve-files.ts';
import { agent, debian, MAC, machine, macFrom, ubootBoard } from '../core/boot-fixtures.ts';
import { BOARD_ADDRESS, layBench, rack1, SERVER, ubootRequest } from './boot-bench.ts';

const other = macFrom('52:54:00:99:99:99');
const text = async (answer: FileAnswer): Promise<string> => {
  assert.ok(answer.is === 'file');
  return new TextDecoder().decode(await answer.content.read(0, answer.content.octets));
};
const tokenIn = (config: string): string | undefined => /farrier\.token=([0-9a-f]{32})/.exec(config)?.[1];
const asked = (path: string, peer = BOARD_ADDRESS) => ({ via: 'tftp' as const, path, peer, local: SERVER });
const CONFIG = 'pxelinux.cfg/01-52-54-00-12-34-56';

describe('the boot decision as DHCP asks it', () => {
  it('names the first file for a machine with a bundle, and tells the plan once however often it asks', async () => {
    const bench = layBench(machine);
    const advisor = createDhcpAdvisor(bench.deps);
    const first = await advisor.advise(ubootRequest(MAC), rack1, true);
    await advisor.advise(ubootRequest(MAC), rack1, true);
    assert.deepEqual([first.answer, first.file], [true, 'boot.scr.uimg']);
    const plans = (await bench.events()).filter((event) => event.kind === 'boot');
    assert.equal(plans.length, 1);
    assert.match(plans[0]!.text, /debian@12/);
  });

  it('a refused boot gets an address and no file, and the timeline says why and what to do', async () => {
    const long = { ...machine, extraArgs: ['x'.repeat(1000), 'y'.repeat(1000)] };
    const bench = layBench(long);
    const advice = await createDhcpAdvisor(bench.deps).advise(ubootRequest(MAC), rack1, true);
    assert.deepEqual([advice.answer, advice.file], [true, undefined]);
    const told = (await bench.events()).find((event) => event.severity === 'bad');
    assert.match(told?.text ?? '', /refused: .*octets/);
  });

  it('who does not ask to boot gets an address and no file', async () => {
    const bench = layBench(machine);
    const advice = await createDhcpAdvisor(bench.deps).advise(ubootRequest(MAC), rack1, false);
    assert.deepEqual([advice.answer, advice.file, advice.machine?.name], [true, undefined, machine.name]);
    assert.equal((await bench.store.boots.ofMachine(machine.id, 10)).length, 0);
  });

  it('strangers are met with silence where they are to be ignored', async () => {
    const advisor = createDhcpAdvisor(layBench(undefined).deps);
    const ignoring = { ...rack1, unknown: 'ignore' as const };
    assert.equal((await advisor.advise(ubootRequest(MAC), ignoring, true)).answer, false);
    assert.equal((await advisor.advise(ubootRequest(MAC), ignoring, false)).answer, false);
  });

  it('each DHCP message is one line of the timeline', async () => {
    const bench = layBench(machine);
    const advisor = createDhcpAdvisor(bench.deps);
    await advisor.advise(ubootRequest(MAC), rack1, true);
    const record = {
      mac: MAC,
      network: 'rack1',
      file: 'boot.scr.uimg',
      because: undefined,
      relayPort: undefined,
      durationMs: 2,
    };
    advisor.record({ ...record, received: 'DISCOVER', sent: 'OFFER', address: BOARD_ADDRESS });
    advisor.record({ ...record, received: 'REQUEST', sent: 'NAK', address: undefined });
    advisor.record({ ...record, mac: other, received: 'REQUEST', sent: 'ACK', address: BOARD_ADDRESS });
    const takesFrom = BOARD_ADDRESS;
    advisor.record({
      ...record,
      file: undefined,
      received: 'REQUEST',
      sent: undefined,
      address: BOARD_ADDRESS,
      takesFrom,
    });
    const lines = (await bench.events()).filter((event) => event.kind === 'dhcp');
    assert.deepEqual(
      lines.map((event) => [event.severity, event.detail['sent'], event.detail['address'], event.detail['takesFrom']]),
      [
        ['note', 'OFFER', '10.77.0.100', undefined],
        ['warning', 'NAK', undefined, undefined],
        ['note', 'nothing', '10.77.0.100', '10.77.0.100'],
      ],
    );
    assert.match(lines[2]?.text ?? '', /^DHCP REQUEST: takes 10\.77\.0\.100 from the DHCP server 10\.77\.0\.100$/);
  });

  it('silence for minutes, or a kernel served, makes the next word of the firmware a new boot', async () => {
    const bench = layBench(machine);
    const advisor = createDhcpAdvisor(bench.deps);
    const boots = async () => (await bench.store.boots.ofMachine(machine.id, 10)).length;
    await advisor.advise(ubootRequest(MAC), rack1, true);
    bench.clock.advance(60_000);
    await advisor.advise(ubootRequest(MAC), rack1, true);
    assert.equal(await boots(), 1);
    bench.clock.advance(121_000);
    await advisor.advise(ubootRequest(MAC), rack1, true);
    assert.equal(await boots(), 2);
    bench.leases.set(BOARD_ADDRESS, MAC);
    await createBootFiles(bench.deps).open(asked(artefactPath(debian.kernel)));
    await advisor.advise(ubootRequest(MAC), rack1, true);
    assert.equal(await boots(), 3);
  });

  it('two DISCOVERs at once begin one boot', async () => {
    const bench = layBench(machine);
    const advisor = createDhcpAdvisor(bench.deps);
    await Promise.all([1, 2, 3].map(() => advisor.advise(ubootRequest(MAC), rack1, true)));
    assert.equal((await bench.store.boots.ofMachine(machine.id, 10)).length, 1);
  });
});

describe('the boot decision as files ask it', () => {
  it('a config is the plan in its format, with the kernel by digest and the arguments', async () => {
    const bench = layBench(machine);
    bench.leases.set(BOARD_ADDRESS, MAC);
    const config = await text(await createBootFiles(bench.deps).open(asked(CONFIG)));
    assert.match(config, new RegExp(`kernel ${artefactPath(debian.kernel)}`, 'i'));
    assert.match(config, /quiet/);
  });

  it('another board asking for this config is refused, and its own timeline says so', async () => {
    const bench = layBench(machine);
    await bench.store.machines.add(
      { ...machine, id: 'm-bbbbbbbbbb' as typeof machine.id, name: 'thief', macs: [other] },
      [],
    );
    bench.leases.set(BOARD_ADDRESS, other);
    const answer = await createBootFiles(bench.deps).open(asked(CONFIG));
    assert.equal(answer.is, 'refused');
    assert.ok((await bench.events()).some((event) => event.severity === 'bad' && event.text.includes('another board')));
  });

  it('an address without a lease gets no config', async () => {
    const answer = await createBootFiles(layBench(machine).deps).open(asked(CONFIG));
    assert.equal(answer.is, 'refused');
  });

  it('the token of a boot is the same in each of its configs, hashed in the store, and another in the next boot', async () => {
    const bench = layBench({ ...machine, state: 'new', bundle: undefined });
    bench.leases.set(BOARD_ADDRESS, MAC);
    const [advisor, files] = [createDhcpAdvisor(bench.deps), createBootFiles(bench.deps)];
    await advisor.advise(ubootRequest(MAC), rack1, true);
    const first = tokenIn(await text(await files.open(asked(CONFIG))));
    assert.equal(tokenIn(await text(await files.open(asked('boot.scr.uimg')))), first);
    bench.clock.advance(200_000);
    await advisor.advise(ubootRequest(MAC), rack1, true);
    const second = tokenIn(await text(await files.open(asked(CONFIG))));
    assert.ok(first !== undefined && second !== undefined && first !== second);
    const stored = JSON.stringify(await bench.store.boots.ofMachine(machine.id, 10));
    assert.ok(!stored.includes(first) && !stored.includes(second));
  });

  it('no event holds a token', async () => {
    const bench = layBench({ ...machine, state: 'new', bundle: undefined });
    bench.leases.set(BOARD_ADDRESS, MAC);
    const files = createBootFiles(bench.deps);
    const answer = await files.open(asked(CONFIG));
    const token = tokenIn(await text(answer));
    assert.ok(token && answer.is === 'file');
    answer.ended({ outcome: 'done', octetsSent: answer.content.octets, durationMs: 3, retransmits: 0, words: '' });
    assert.ok(!JSON.stringify(await bench.events()).includes(token));
  });

  it('a transfer is one line with octets, time and retransmits; a broken one says where it stopped', async () => {
    const bench = layBench(machine);
    bench.leases.set(BOARD_ADDRESS, MAC);
    const files = createBootFiles(bench.deps);
    for (const outcome of ['done', 'gave-up'] as const) {
      const answer = await files.open(asked(artefactPath(agent.kernel)));
      assert.ok(answer.is === 'file');
      answer.ended({ outcome, octetsSent: 700, durationMs: 12.6, retransmits: 2, words: 'no answer' });
    }
    const lines = (await bench.events()).filter((event) => event.kind === 'tftp');
    assert.deepEqual(
      lines.map((event) => [event.severity, event.detail['durationMs'], event.detail['retransmits']]),
      [
        ['good', 13, 2],
        ['warning', 13, 2],
      ],
    );
    assert.match(lines[1]!.text, /no answer after 700 of 1000 octets/);
  });

  it('a firmware that only wants the size is told so in words; a kernel that went out whole is the good end', async () => {
    const bench = layBench(machine);
    bench.leases.set(BOARD_ADDRESS, MAC);
    const files = createBootFiles(bench.deps);
    const report = { durationMs: 1, retransmits: 0, words: 'ERROR 8 from the client' };
    for (const [outcome, octetsSent] of [
      ['aborted-by-peer', 0],
      ['done', 400],
      ['done', 1000],
    ] as const) {
      const answer = await files.open(asked(artefactPath(debian.kernel)));
      assert.ok(answer.is === 'file');
      answer.ended({ ...report, outcome, octetsSent });
    }
    const events = await bench.events();
    const [first] = events.filter((event) => event.kind === 'tftp');
    assert.deepEqual([first?.severity, first?.text.split(': ')[1]], ['note', 'asked only for the size, 1000 octets']);
    const head = await files.open({ ...asked(artefactPath(debian.kernel)), via: 'http' });
    assert.ok(head.is === 'file');
    head.ended({ ...report, outcome: 'done', octetsSent: 0, words: 'asked only for the size' });
    const http = (await bench.events()).find((event) => event.kind === 'http');
    assert.deepEqual([http?.severity, http?.text.split(': ')[1]], ['good', 'asked only for the size, 1000 octets']);
    const ends = events.filter((event) => event.kind === 'boot' && event.severity === 'good');
    assert.deepEqual(
      ends.map((event) => [event.text, event.detail['path']]),
      [['its kernel went out whole', artefactPath(debian.kernel)]],
      'once, for the whole file',
    );
  });

  it('what firmware merely searches for is not there, and is no fault', async () => {
    const bench = layBench(machine);
    bench.leases.set(BOARD_ADDRESS, MAC);
    const answer = await createBootFiles(bench.deps).open(asked('pxelinux.cfg/default-arm'));
    assert.equal(answer.is, 'absent');
    assert.ok((await bench.events()).every((event) => event.severity !== 'bad'));
  });

  it('a loader that nobody built is refused with the way to build it', async () => {
    const bench = layBench(machine);
    bench.leases.set(BOARD_ADDRESS, MAC);
    const answer = await createBootFiles(bench.deps).open(asked('shimaa64.efi'));
    assert.ok(answer.is === 'refused' && answer.because.includes('farrier agent build'));
  });

  it('after a restart, with no session left, the board that asks for its config still gets it', async () => {
    const bench = layBench({
      ...machine,
      firmware: { clientArch: 22, vendorClass: 'U-Boot.armv8', userClass: undefined },
    });
    bench.leases.set(BOARD_ADDRESS, MAC);
    assert.match(await text(await createBootFiles(bench.deps).open(asked(CONFIG))), /kernel/i);
  });

  it('a board that names a DTB which is not there is refused before anything is served', async () => {
    const missing = { ...ubootBoard, dtbMissing: 'the DTB mustang.dtb is not there' };
    const bench = layBench(machine, [missing]);
    const advice = await createDhcpAdvisor(bench.deps).advise(ubootRequest(MAC), rack1, true);
    assert.equal(advice.file, undefined);
    assert.match(advice.because, /mustang\.dtb/);
  });
});
