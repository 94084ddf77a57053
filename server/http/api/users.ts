import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { CONSOLE_GRANTS } from '../../core/console.ts';
import type { UserOutcome, Who } from '../auth.ts';
import { EMPTY, NO_FIELDS, PLAIN, json, problem, route, type Answer, type Route } from '../route.ts';
import { newUser, userEdit } from '../schemas.ts';

const userView = z.object({
  name: z.string(),
  role: z.enum(['admin', 'operator', 'viewer']),
  /** Absent: what the role may. */
  console: z.enum(CONSOLE_GRANTS).optional(),
});
const viewOf = ({ name, role, console }: Who): z.infer<typeof userView> => ({
  name,
  role,
  ...(console && { console }),
});

function answerUser(outcome: UserOutcome, done: Answer): Answer {
  switch (outcome.is) {
    case 'done':
      return done;
    case 'bad-value':
      return problem(400, outcome.is, outcome.because, { field: outcome.field });
    case 'taken':
    case 'refused':
      return problem(409, outcome.is, outcome.because);
    case 'unknown-user':
      return problem(404, outcome.is, outcome.because);
  }
}

/** Accounts. */
export function userRoutes({ users }: Pick<HttpDeps, 'users'>): readonly Route[] {
  return [
    route('GET /api/v1/users', {
      ...PLAIN,
      summary: 'All accounts',
      answers: { 200: z.object({ users: z.array(userView) }) },
      run: async () => json({ users: (await users.list()).map(viewOf) }),
    }),
    route('POST /api/v1/users', {
      query: NO_FIELDS,
      body: newUser,
      summary: 'Adds an account',
      answers: { 201: userView },
      run: async ({ body, by }) => {
        const user = viewOf(body);
        return answerUser(await users.add(user, body.password, by), json(user, 201));
      },
    }),
    route('PATCH /api/v1/users/{name}', {
      query: NO_FIELDS,
      body: userEdit,
      summary: 'Changes the role, the password or what it may do with consoles; its sessions end',
      answers: { 204: undefined },
      run: async ({ part, body, by }) => answerUser(await users.change(part('name'), body, by), EMPTY),
    }),
    route('DELETE /api/v1/users/{name}', {
      ...PLAIN,
      summary: 'Removes an account; its sessions end',
      answers: { 204: undefined },
      run: async ({ part, by }) => answerUser(await users.remove(part('name'), by), EMPTY),
    }),
  ];
}
