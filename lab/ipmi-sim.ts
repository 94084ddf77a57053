import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authCapabilitiesRequest } from '../server/wire/ipmi/commands.ts';
import { encodeRequest } from '../server/wire/ipmi/message.ts';
import { encodeRmcp, RMCP_CLASS } from '../server/wire/ipmi/rmcp.ts';
import { encodeV15 } from '../server/wire/ipmi/session-header.ts';
import { endChild, saidBy } from './child-process.ts';

/** How the simulated BMC is to be. */
export interface IpmiSimOptions {
  readonly address?: string;
  /** UDP port, on `address` (127.0.0.1 unless told). */
  readonly port: number;
  /**
   * Without blanks and quotes: ipmi_sim's configuration knows no escaping. User up to 15 and password up to 19 characters:
   * OpenIPMI 2.0.33 keeps the last octet of both fields for a NUL and cuts what is longer without a word (and its Set
   * User Password takes 16 octets of 20).
   */
  readonly user: string;
  readonly password: string;
  /** K_G; up to 20 characters. */
  readonly kg?: string;
  /**
   * Absolute path, without blanks, of the program that is the machine. It is called as `PROGRAM 0x20 get power` (prints `power:1` or
   * `power:0`), `PROGRAM 0x20 set power 1`, `… set power 0`, `… set reset 1`, `… set boot pxe|default|none …`,
   * `… get boot` (prints `boot:pxe`), one after another, and must answer within a few seconds.
   */
  readonly powerProgram: string;
  /** Programs of machines whose controllers are behind this one, by their IPMB address, such as `0x30`. */
  readonly behind?: Readonly<Record<string, string>>;
  /** TCP port on 127.0.0.1 for QEMU's `ipmi-bmc-extern`: the way in from the machine itself. */
  readonly inBandPort?: number;
  /** Absolute path, without blanks, of a program that knows the LAN parameters: `PROGRAM get ip_addr` prints `ip_addr:10.0.0.1`. */
  readonly lanProgram?: string;
  /** TCP port on 127.0.0.1 where the machine's serial console listens, for SOL. */
  readonly solPort?: number;
  /** Where its configuration is kept, in a folder of its own; the system's folder for temporary files unless said. */
  readonly folder?: string;
}

/** A BMC of OpenIPMI's `ipmi_sim`, running as a child of this process. */
export interface IpmiSim {
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** What it has printed so far, for a failing test's message. */
  output(): string;
  stop(): Promise<void>;
}

/** Far longer than it takes: the host may be busy. */
const UP_MS = 60_000;
const USER_CHARS = 15;
const PASSWORD_CHARS = 19;

function lanConf(options: IpmiSimOptions, address: string): string {
  const auths = ['callback', 'user', 'operator', 'admin'].map(
    (level) => `    allowed_auths_${level} none md5 straight`,
  );
  return [
    'name "farrier"',
    'set_working_mc 0x20',
    '  startlan 1',
    `    addr ${address} ${options.port}`,
    '    priv_limit admin',
    ...auths,
    '    guid a123456789abcdefa123456789abcdef',
    ...(options.kg === undefined ? [] : [`    bmc_key "${options.kg}"`]),
    ...(options.lanProgram === undefined ? [] : [`    lan_config_program "${options.lanProgram}"`]),
    '  endlan',
    `  chassis_control "${options.powerProgram} 0x20"`,
    ...(options.solPort === undefined ? [] : [`  sol "tcp:127.0.0.1:${options.solPort}" 115200`]),
    ...(options.inBandPort === undefined ? [] : [`  serial 15 127.0.0.1 ${options.inBandPort} codec VM`]),
    '  user 1 false "" "" user 10 none md5 straight',
    `  user 2 true "${options.user}" "${options.password}" admin 10 none md5 straight`,
    ...Object.entries(options.behind ?? {}).flatMap(([at, program]) => [
      `set_working_mc ${at}`,
      `  chassis_control "${program} ${at}"`,
    ]),
    '',
  ].join('\n');
}

/** Its controllers: firmware 9.8 of manufacturer 4753. */
function emulation({ behind = {} }: IpmiSimOptions): string {
  const added = ['0x20', ...Object.keys(behind)].flatMap((at, index) => [
    `mc_add ${at} ${index} no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02`,
    `mc_enable ${at}`,
  ]);
  return ['mc_setbmc 0x20', ...added, ''].join('\n');
}

/**
 * Starts Debian's `ipmi_sim` (package openipmi) in the foreground with configuration of its own in a temporary
 * folder, and resolves when it answers on its port. Throws when it does not within 10 s, with what it printed, and when
 * it could not keep the user or the password whole.
 */
export async function startIpmiSim(options: IpmiSimOptions): Promise<IpmiSim> {
  const address = options.address ?? '127.0.0.1';
  if (options.user.length > USER_CHARS || options.password.length > PASSWORD_CHARS)
    throw new Error(`ipmi_sim keeps ${USER_CHARS} characters of a user and ${PASSWORD_CHARS} of a password`);
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'farrier-ipmi-sim-'));
  await mkdir(join(folder, 'state'));
  await writeFile(join(folder, 'lan.conf'), lanConf(options, address), { mode: 0o600 });
  await writeFile(join(folder, 'mc.emu'), emulation(options));
  const args = ['-c', join(folder, 'lan.conf'), '-f', join(folder, 'mc.emu'), '-s', join(folder, 'state'), '-n'];
  const child = spawn('ipmi_sim', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = saidBy(child, { keep: 16_384 });
  const stop = async (): Promise<void> => {
    await endChild(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answering(address, options.port, child);
  } catch (cause) {
    await stop();
    throw new Error(`ipmi_sim did not come up on ${address}:${options.port}: ${said.all()}`, { cause });
  }
  return { address, port: options.port, pid: child.pid ?? 0, output: said.all, stop };
}

/** Asks for the authentication capabilities every 50 ms until the BMC answers; its child's death ends the wait. */
async function answering(address: string, port: number, child: ChildProcess): Promise<void> {
  const socket = createSocket('udp4');
  const question = encodeRmcp(RMCP_CLASS.ipmi, encodeV15(encodeRequest(authCapabilitiesRequest(4), 1)));
  const tick = setInterval(() => {
    socket.send(question, port, address);
  }, 50);
  try {
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(reject, UP_MS, new Error(`no answer within ${String(UP_MS / 1000)} s`));
      const settle = (act: () => void) => () => {
        clearTimeout(deadline);
        act();
      };
      socket.once('message', settle(resolve));
      child.once('error', (cause) => {
        settle(() => {
          reject(cause);
        })();
      });
      child.once('exit', (code) => {
        settle(() => {
          reject(new Error(`it ended with ${String(code)}`));
        })();
      });
    });
  } finally {
    clearInterval(tick);
    socket.close();
  }
}
