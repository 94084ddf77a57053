import type { HttpDeps } from '../deps.ts';
import { SESSION_COOKIE, sessionCookie } from '../auth.ts';
import { EMPTY, NO_FIELDS, PLAIN, problem, route, type Route } from '../route.ts';
import { credentials } from '../schemas.ts';

/** Log-in and log-out. */
export function sessionRoutes({ users }: Pick<HttpDeps, 'users'>): readonly Route[] {
  return [
    route('POST /api/v1/session', {
      summary: 'Logs in; the answer sets the session cookie',
      query: NO_FIELDS,
      body: credentials,
      answers: { 204: undefined },
      run: async ({ body, from, response }) => {
        const outcome = await users.login(body.name, body.password, from);
        switch (outcome.is) {
          case 'done':
            response.cookie(SESSION_COOKIE, outcome.cookie, { httpOnly: true, sameSite: 'strict', path: '/' });
            return EMPTY;
          case 'refused':
            return problem(401, 'bad-credentials', outcome.because);
          case 'too-many':
            return problem(429, 'too-many-tries', `too many tries; wait ${outcome.waitS} s`, {
              retryAfterS: outcome.waitS,
            });
        }
      },
    }),
    route('DELETE /api/v1/session', {
      ...PLAIN,
      summary: 'Logs out',
      answers: { 204: undefined },
      run: async ({ request, response }) => {
        const cookie = sessionCookie(request);
        if (cookie !== undefined) await users.logout(cookie);
        response.clearCookie(SESSION_COOKIE, { httpOnly: true, sameSite: 'strict', path: '/' });
        return EMPTY;
      },
    }),
  ];
}
