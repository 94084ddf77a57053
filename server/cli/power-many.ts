import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.ts';
import { parseDuration } from './duration.ts';
import { CliFailure, EXIT } from './failure.ts';
import { writeList } from './output.ts';

/** The options of an order to many machines. */
export interface ManyOptions {
  readonly allIn?: string;
  readonly stagger?: number;
  readonly force?: true;
}

const STAGGER_MS_MAX = 60_000;

const ordersShape = z.looseObject({
  orders: z.array(
    z.looseObject({
      machine: z.string(),
      is: z.string(),
      afterMs: z.number().optional(),
      because: z.string().optional(),
    }),
  ),
});

/** `--stagger 500ms`; its value is milliseconds. */
export function staggerOption(): Option {
  const read = (text: string): number => {
    const parsed = parseDuration(text);
    if (parsed.ok && parsed.value <= STAGGER_MS_MAX) return parsed.value;
    throw new InvalidArgumentError(parsed.ok ? 'at most 60s' : parsed.error);
  };
  return new Option('--stagger <time>', 'from one machine to the next: 500ms, 2s').argParser(read);
}

/** Orders many machines at once and lists what became of it; exit 4 when one was not ordered. */
export async function orderManyMachines(
  context: CommandContext,
  command: Command,
  verb: string,
  machines: readonly string[],
  { allIn, stagger = 0, force }: ManyOptions,
): Promise<void> {
  if (machines.length === 0 && allIn === undefined)
    throw new CliFailure(EXIT.usage, 'name machines, or a network with --all-in');
  const body = {
    ...{ machines, verb, staggerMs: stagger },
    ...(allIn === undefined ? {} : { network: allIn }),
    ...(force === true ? { force } : {}),
  };
  const { orders } = await context.api(command).call({ method: 'POST', path: '/power/orders', body }, ordersShape);
  if (orders.length === 0)
    throw new CliFailure(
      EXIT.notFound,
      `no machine of network "${allIn ?? ''}" has a power setting; farrier machine list`,
    );
  writeList(context.deps.terminal, context.format(command), {
    items: orders,
    columns: [
      { title: 'MACHINE', value: ({ machine }) => machine },
      { title: 'POWER', value: ({ is }) => (is === 'ordered' ? `${verb} ordered` : is) },
      { title: 'AFTER', value: ({ afterMs }) => (afterMs === undefined ? undefined : `${afterMs / 1000} s`) },
      { title: 'BECAUSE', value: ({ because }) => because },
    ],
  });
  const refused = orders.filter(({ is }) => is !== 'ordered').length;
  if (refused > 0) throw new CliFailure(EXIT.refused, `${refused} of ${orders.length} machines were not ordered`);
}
