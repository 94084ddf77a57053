import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endChild, hasEnded } from '../../lab/child-process.ts';
import { qemuCommand, type QemuMachine } from '../../lab/qemu/machine-args.ts';
import type { RackBoard } from '../../lab/rack-board.ts';
import { createQemuDriver } from '../../power-drivers/qemu.ts';
import { vouchForFolder } from '../../power-drivers/trust.ts';
import { realEdges } from './ipmi-crypto.ts';
import { until } from './until.ts';

const qemu = createQemuDriver(vouchForFolder);

/** A machine in a QEMU that is held before its first instruction, its serial line on a socket from the start. */
export interface HeldQemu {
  /** Absolute path of the QMP socket. */
  readonly qmp: string;
  /** What QEMU itself has put on the line so far, whoever listened: the judge of a recording. */
  log(): Promise<Buffer>;
  stop(): Promise<void>;
}

/** Where the serial line is: a UNIX socket in the folder, or a TCP port of 127.0.0.1. */
export type HeldSerial = { readonly is: 'unix' } | { readonly is: 'tcp'; readonly port: number };

const LISTENS_MS = 60_000;

/** Starts one whose sockets and log lie in `folder` under `name`; resolves when it can be switched. */
export async function startHeldQemu(
  machine: Omit<QemuMachine, 'serialLog' | 'dumpDtb'>,
  { folder, name, serial }: { readonly folder: string; readonly name: string; readonly serial: HeldSerial },
): Promise<HeldQemu> {
  const [qmp, log] = [join(folder, `${name}.qmp`), join(folder, `${name}.line.log`)];
  const place =
    serial.is === 'unix' ? `path=${join(folder, `${name}.line`)}` : `host=127.0.0.1,port=${String(serial.port)}`;
  const { command, args } = qemuCommand({ ...machine, serialLog: undefined, dumpDtb: undefined });
  const child = spawn(
    command,
    [
      ...['-S', '-no-shutdown', '-qmp', `unix:${qmp},server=on,wait=off`],
      ...['-chardev', `socket,id=line,${place},server=on,wait=off,logfile=${log}`],
      ...args.map((arg, at) => (args[at - 1] === '-serial' ? 'chardev:line' : arg)),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const stop = async (): Promise<void> => {
    await endChild(child);
  };
  const answers = (): Promise<boolean> => {
    assert.equal(hasEnded(child), false, 'QEMU ended at once');
    return qemu
      .open({ socket: qmp }, realEdges)
      .query(AbortSignal.timeout(LISTENS_MS))
      .then(
        () => true,
        () => false,
      );
  };
  try {
    await until('QEMU listens', answers, LISTENS_MS);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { qmp, log: () => readFile(log), stop };
}

/** The machine as a BMC's chassis sees it. */
export function boardOf(held: HeldQemu, words: Pick<RackBoard, 'name' | 'kind' | 'mac'>): RackBoard {
  let isOn = false;
  const turn = async (want: 'on' | 'off'): Promise<void> => {
    await qemu.open({ socket: held.qmp }, realEdges).set(want, AbortSignal.timeout(LISTENS_MS));
    isOn = want === 'on';
  };
  return { ...words, isOn: () => isOn, powerOn: () => turn('on'), powerOff: () => turn('off') };
}
