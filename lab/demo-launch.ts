import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../server/ports/clock.ts';
import { endChild, ended, saidBy } from './child-process.ts';
import { forwardPort } from './demo-forward.ts';
import { isInsideNews, type InsideNews } from './demo-inside.ts';
import type { DemoFiles } from './demo-bundles.ts';
import type { DemoOrder } from './demo-run.ts';
import type { DemoWhere } from './demo-place.ts';

/** What `npm start` without a configuration does. */
export interface DemoLaunch {
  readonly boards: number;
  /** What QEMU boards boot; nothing: the boards are pretended. */
  readonly qemu?: readonly DemoFiles[];
  /** Of 127.0.0.1, for the page; 0 takes a free one. */
  readonly port: number;
  readonly paceMs: number;
  /** Everything of the demo lies there; removed before and after. */
  readonly folder: string;
  /** Starts this program again as the inside of the demo; the order as JSON becomes its last argument. */
  readonly inside: { readonly command: string; readonly args: readonly string[] };
  /** The namespace maker; another one only in tests. */
  readonly unshare?: string;
  readonly isRoot: boolean;
  readonly clock: Clock;
  /** One line for people. */
  readonly say: (line: string) => void;
  /** Raised by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** How long the inside may take to put everything away before it is ended. */
const STOP_MS = 8000;

/**
 * Runs the rack in a box: its inside in namespaces of its own (no root needed where user namespaces are allowed), or
 * on loopback where they are refused, with its page on a port of this host. Resolves, after the signal, when nothing
 * is left of it. @throws PortTaken, or an Error with the reason why it did not come up
 * (one that runs already in the same folder among them), or that it ended before the signal.
 */
export async function launchDemo(launch: DemoLaunch): Promise<void> {
  const { folder } = launch;
  if (await answers(join(folder, 'web.sock'))) throw new Error(`a rack in a box is running already, in ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  try {
    const { child, webSocket, where, because } = await startSomewhere(launch);
    try {
      const page = await forwardPort(launch.port, webSocket);
      launch.say(greeting(launch, page.port, where, because));
      await Promise.race([raised(launch.signal), ended(child)]);
      await page.stop();
      if (!launch.signal.aborted) throw new Error('the rack in a box has ended by itself; start it again');
    } finally {
      await end(child, launch.clock);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether somebody listens on a unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly webSocket: string;
  readonly where: DemoWhere;
  /** Why it is not in a namespace. */
  readonly because: string | undefined;
}

async function startSomewhere(launch: DemoLaunch): Promise<Started> {
  const first = await start(launch, 'namespace');
  if (first.is === 'up') return { ...first, where: 'namespace', because: undefined };
  if (launch.qemu)
    throw new Error(`QEMU boards want a network namespace, and there is none to be had: ${first.because}`);
  const second = await start(launch, 'loopback');
  if (second.is === 'up') return { ...second, where: 'loopback', because: first.because };
  throw new Error(`the rack in a box did not come up: ${first.because}; on loopback: ${second.because}`);
}

type Outcome =
  | { readonly is: 'up'; readonly child: ChildProcess; readonly webSocket: string }
  | { readonly is: 'not-up'; readonly because: string };

async function start(launch: DemoLaunch, where: DemoWhere): Promise<Outcome> {
  const { boards, folder, paceMs, qemu } = launch;
  const order: DemoOrder = { where, boards, folder, paceMs, ...(qemu ? { qemu } : {}) };
  const { command, args } = commandFor(launch, where, JSON.stringify(order));
  const child = spawn(command, [...args], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], detached: true });
  const said = saidBy(child, { keep: 4096, clock: launch.clock });
  const outcome = await Promise.race([heard(child), gone(child)]);
  switch (outcome.is) {
    case 'up':
      child.stderr?.pipe(process.stderr);
      return { is: 'up', child, webSocket: outcome.webSocket };
    case 'failed':
    case 'inside':
      await end(child, launch.clock);
      return {
        is: 'not-up',
        because: outcome.is === 'failed' && outcome.because !== '' ? outcome.because : lastLine(said.all()),
      };
  }
}

/** Root needs no user namespace. The process that is 1 in there takes everything else with it when it ends. */
function commandFor(
  { inside, unshare = 'unshare', isRoot }: DemoLaunch,
  where: DemoWhere,
  order: string,
): { readonly command: string; readonly args: readonly string[] } {
  const own = [...inside.args, order];
  if (where === 'loopback') return { command: inside.command, args: own };
  const user = isRoot ? [] : ['--user', '--map-root-user'];
  const flags = [...user, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return { command: unshare, args: [...flags, '--', inside.command, ...own] };
}

function heard(child: ChildProcess): Promise<InsideNews> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (isInsideNews(message) && message.is !== 'inside') resolve(message);
    });
  });
}

/** Its end before it said anything; the reason is in its last words. */
function gone(child: ChildProcess): Promise<InsideNews> {
  return new Promise((resolve) => {
    child.once('error', (cause) => {
      resolve({ is: 'failed', because: cause.message });
    });
    child.once('close', () => {
      resolve({ is: 'failed', because: '' });
    });
  });
}

/** What the child complains of before it is up: its last line is the reason. */
function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

async function end(child: ChildProcess, clock: Clock): Promise<void> {
  const by = (): void => {
    if (child.connected) child.disconnect();
  };
  await endChild(child, { by, graceMs: STOP_MS, clock });
}

function raised(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

function greeting({ boards, qemu }: DemoLaunch, port: number, where: DemoWhere, because: string | undefined): string {
  const kind = qemu ? 'QEMU boards with real firmware, switched on one after another,' : 'pretended boards';
  const ground = where === 'namespace' ? 'on a network of their own' : `on loopback (no namespace: ${because ?? ''})`;
  return (
    `Rack in a box: ${String(boards)} ${kind} ${ground}; page http://127.0.0.1:${String(port)}/, Ctrl-C ends it. ` +
    'For a real network: npx farrier config init, edit farrier.yaml, npm start.'
  );
}
