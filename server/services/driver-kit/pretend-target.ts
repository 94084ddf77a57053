import type { FieldValues } from '../../core/field.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { PowerDriver } from '../../ports/power-driver.ts';
import { checkSetting } from '../check-setting.ts';
import { secretFieldOf } from './daemon-target.ts';
import type { CommandSpan, KitTarget } from './kit-rule.ts';
import { createStandIns, type OpenStandIn } from './stand-ins.ts';

/** A pretend device that lies beside its driver: a program that answers a line with a line. */
export interface PretendDevice {
  readonly file: string;
  /** What it said before it was ready. */
  readonly opening: readonly string[];
  ask(words: string): Promise<string>;
}

/** Commands that are remembered of one test. */
const SEEN_MAX = 10_000;
const THIS_HOST = /^(127\.[\d.]+|::1|localhost)$/i;

/** The parameters it wants to be reached by, checked against the driver's fields. The error says what is wrong with them. */
export function parametersOfPretend(driver: PowerDriver, { file, opening }: PretendDevice): Result<FieldValues> {
  const [parameters, secrets]: Record<string, string>[] = [{}, {}];
  for (const line of opening) {
    const [, name, value] = /^parameter ([A-Za-z]\w*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined || !parameters || !secrets)
      return err(`${file} said "${line.slice(0, 80)}"; before "ready" it may say "parameter NAME=VALUE" only`);
    const field = Object.hasOwn(driver.fields, name) ? driver.fields[name] : undefined;
    (field?.kind === 'secret' ? secrets : parameters)[name] = value;
    // What is switched to and fro without asking must not be a neighbour's machine.
    if (field?.kind === 'host' && !THIS_HOST.test(value))
      return err(`${file} is at ${value.slice(0, 80)}; a pretend device must be at 127.0.0.1`);
  }
  const checked = checkSetting(driver, parameters ?? {}, secrets ?? {}, []);
  if (checked.ok) return ok({ ...checked.value, ...secrets });
  return err(`${file}: parameter "${checked.error.field}" ${checked.error.because}`);
}

/** A driver before its own pretend device, with stand-ins for what that one cannot do and a port can. */
export function pretendTarget(
  driver: PowerDriver,
  device: PretendDevice,
  parameters: FieldValues,
  openStandIn: OpenStandIn,
): KitTarget {
  const standIns = createStandIns(driver.fields, parameters, true, openStandIn);
  const seen: CommandSpan[] = [];
  let isSpoilt = false;
  return {
    driver,
    device: 'pretend',
    parameters,
    secretField: secretFieldOf(driver.fields, parameters),
    maySwitch: true,
    truth: () => truthOf(device),
    misbehave: async (how) => {
      isSpoilt = await canDo(device, how);
      return isSpoilt ? parameters : standIns.put(how);
    },
    behave: async () => {
      await standIns.away();
      if (isSpoilt && !(await canDo(device, 'not'))) throw wrongAnswer(device, 'misbehave not', 'cannot', '"ok"');
      isSpoilt = false;
    },
    seen: async () => {
      seen.push(...(await newCommands(device)));
      return seen.slice(0, SEEN_MAX);
    },
    refusals: () => refusalsOf(device),
  };
}

/** Whether it is on: a pretend device that cannot tell is none. Throws what it said otherwise. */
export async function truthOf(device: PretendDevice): Promise<'on' | 'off'> {
  const answer = await device.ask('truth');
  if (answer === 'on' || answer === 'off') return answer;
  throw wrongAnswer(device, 'truth', answer, '"on" or "off"');
}

async function canDo(device: PretendDevice, how: string): Promise<boolean> {
  const answer = await device.ask(`misbehave ${how}`);
  if (answer === 'ok' || answer === 'cannot') return answer === 'ok';
  throw wrongAnswer(device, `misbehave ${how}`, answer, '"ok" or "cannot"');
}

async function refusalsOf(device: PretendDevice): Promise<number | undefined> {
  const answer = await device.ask('refused');
  if (answer === 'cannot') return undefined;
  if (/^\d{1,9}$/.test(answer)) return Number(answer);
  throw wrongAnswer(device, 'refused', answer, 'a number or "cannot"');
}

async function newCommands(device: PretendDevice): Promise<readonly CommandSpan[]> {
  const answer = await device.ask('seen');
  if (answer === 'cannot' || answer === '') return [];
  return answer.split(' ').map((word) => {
    const [, beganMs, endedMs] = /^(\d{1,15})-(\d{1,15})$/.exec(word) ?? [];
    if (beganMs === undefined || endedMs === undefined)
      throw wrongAnswer(device, 'seen', answer, '"BEGAN-ENDED …" in milliseconds, or "cannot"');
    return { beganMs: Number(beganMs), endedMs: Number(endedMs) };
  });
}

function wrongAnswer({ file }: PretendDevice, asked: string, answer: string, due: string): Error {
  return new Error(`the pretend device ${file} answered "${asked}" with "${answer.slice(0, 80)}"; ${due} was due`);
}
