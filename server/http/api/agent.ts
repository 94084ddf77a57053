import { z } from 'zod';
import { NO_ADDRESS, parseIpv4, type Ipv4 } from '../../core/address.ts';
import type { AgentOutcome } from '../../services/enlist.ts';
import { bearerOf } from '../agent-gate.ts';
import type { HttpDeps } from '../deps.ts';
import { EMPTY, NO_FIELDS, problem, route, type Answer, type Route } from '../route.ts';
import { agentBmc, agentFacts, agentSignal, agentStep } from '../schemas.ts';

/** The address a request came from, as a number; none where it is no IPv4 address. */
export function addressOf(from: string): Ipv4 {
  const address = parseIpv4(from);
  return address.ok ? address.value : NO_ADDRESS;
}

/** The sections that were sent. */
function sectionsOf(seen: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(seen).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
}

/** What became of an agent's call, as an answer. */
export function answerAgent(outcome: AgentOutcome): Answer {
  switch (outcome.is) {
    case 'done':
      return EMPTY;
    case 'forbidden':
      return problem(403, outcome.is, outcome.because);
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
  }
}

/** The calls of the agent. No session counts here: only the token of the boot, which the gate has seen to be one. */
export function agentRoutes({ enlist, bmcUsers }: Pick<HttpDeps, 'enlist' | 'bmcUsers'>): readonly Route[] {
  return [
    ...bmcRoutes(bmcUsers),
    route('POST /agent/v1/step', {
      query: NO_FIELDS,
      body: agentStep,
      summary: 'One step of an agent, in its own words',
      answers: { 204: undefined },
      run: async ({ body, from, request }) =>
        answerAgent(await enlist.agentStep(bearerOf(request) ?? '', addressOf(from), body.step)),
    }),
    route('POST /agent/v1/facts', {
      query: NO_FIELDS,
      body: agentFacts,
      summary: 'The raw facts an agent gathered; its token is void afterwards',
      answers: { 204: undefined },
      run: async ({ body, from, request }) =>
        answerAgent(await enlist.agentFacts(bearerOf(request) ?? '', addressOf(from), body)),
    }),
    route('POST /agent/v1/signal', {
      query: NO_FIELDS,
      body: agentSignal,
      summary: 'How far a booted system is; its token is void after "booted"',
      answers: { 204: undefined },
      run: async ({ body: { signal, ...seen }, from, request }) =>
        answerAgent(await enlist.agentSignal(bearerOf(request) ?? '', addressOf(from), signal, sectionsOf(seen))),
    }),
  ];
}

function bmcRoutes(bmcUsers: HttpDeps['bmcUsers']): readonly Route[] {
  return [
    route('POST /agent/v1/bmc', {
      query: NO_FIELDS,
      body: agentBmc,
      summary:
        'What an agent sees of the BMC from the inside; the answer is lines for ipmitool, none where nothing is to be done',
      answers: { 200: z.string() },
      run: async ({ body, from, request, response }) => {
        const found = await bmcUsers.found(bearerOf(request) ?? '', addressOf(from), body);
        if (found.is !== 'orders') return answerAgent(found);
        response.type('text/plain; charset=utf-8').send(found.orders);
        return { is: 'own' };
      },
    }),
    route('POST /agent/v1/bmc/done', {
      query: NO_FIELDS,
      body: agentBmc,
      summary: 'The agent has carried those lines out',
      answers: { 204: undefined },
      run: async ({ body, from, request }) =>
        answerAgent(await bmcUsers.done(bearerOf(request) ?? '', addressOf(from), body)),
    }),
  ];
}
