import { z } from 'zod';
import type { FarrierEvent } from '../../core/event.ts';
import type { MachineId } from '../../core/machine.ts';
import type { HttpDeps } from '../deps.ts';
import { openStream, type StreamSet } from '../live/sse.ts';
import { NO_FIELDS, json, problem, route, type Answer, type Ask, type Route } from '../route.ts';
import { eventsQuery } from '../schemas.ts';
import { suffices } from '../rights.ts';
import { eventView } from '../views.ts';
import { noMachine } from './outcomes.ts';

/** After a longer pause than this many events, a reader has to read the list. */
const REPLAY_MAX = 5000;

type Query = z.output<typeof eventsQuery>;

function lastEventId(ask: Ask<Query>): number | undefined {
  const header = ask.request.headers['last-event-id'];
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : ask.query.after;
}

/** Events: a list, or with `Accept: text/event-stream` a stream that goes on where the reader left it. */
export function eventRoutes(deps: HttpDeps, streams: StreamSet): readonly Route[] {
  return [
    route('GET /api/v1/events', {
      query: eventsQuery,
      body: NO_FIELDS,
      summary: 'Events, oldest first; as text/event-stream they go on as they happen (Last-Event-ID is honoured)',
      answers: { 200: z.object({ events: z.array(eventView) }) },
      run: async (ask) => {
        const ref = ask.query.machine;
        const machine = ref === undefined ? undefined : await deps.machines.find(ref);
        if (ref !== undefined && !machine) return noMachine(ref);
        if (ask.request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream')
          return stream(deps, streams, ask, machine?.id);
        const filter = machine ? { machine: machine.id } : {};
        const { after: afterId = 0, limit = 200 } = ask.query;
        return json({ events: await deps.store.events.list({ ...filter, afterId, limit }) });
      },
    }),
  ];
}

async function stream(
  deps: HttpDeps,
  streams: StreamSet,
  ask: Ask<Query>,
  machine: MachineId | undefined,
): Promise<Answer> {
  if (streams.isFull) return problem(503, 'too-many-streams', 'too many open streams; close some pages');
  const open = openStream(ask.request, ask.response, deps.clock, async () =>
    suffices((await ask.whoNow())?.role, 'viewer'),
  );
  streams.add(open);
  let sentId = lastEventId(ask);
  let waiting: FarrierEvent[] | undefined = [];
  const send = (events: readonly FarrierEvent[]): void => {
    for (const event of events) {
      if (sentId !== undefined && event.id <= sentId) continue;
      sentId = event.id;
      if (machine === undefined || event.machine === machine)
        open.send({ id: event.id, event: event.kind, data: event });
    }
  };
  // Listening begins before the replay is read, so that no event falls between the two.
  const unsubscribe = deps.store.events.subscribe((events) => {
    if (waiting) waiting.push(...events);
    else send(events);
  });
  open.onEnd(unsubscribe);
  if (sentId !== undefined) send(await deps.store.events.list({ afterId: sentId, limit: REPLAY_MAX }));
  const missed = waiting;
  waiting = undefined;
  send(missed);
  return { is: 'own' };
}
