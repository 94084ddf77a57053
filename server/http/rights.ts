import { consoleGrantOf, type ConsoleGrant } from '../core/console.ts';
import type { Role } from '../ports/store.ts';

/**
 * What somebody needs to use a route. `open`: nothing. `agent`: the token of a boot, no session. `console-read` and
 * `console-write` are granted beside the role: what stands on a console may be a password.
 */
export type Right = 'open' | 'viewer' | 'operator' | 'admin' | 'agent' | 'console-read' | 'console-write';

/** THE table of route to needed right. What is not in it does not exist (default deny). */
export const RIGHTS = {
  'POST /api/v1/session': 'open',
  'DELETE /api/v1/session': 'open',
  'GET /api/v1/openapi.json': 'open',
  'GET /api/v1/machines': 'viewer',
  'GET /api/v1/machines/{ref}': 'viewer',
  'PATCH /api/v1/machines/{ref}': 'operator',
  'DELETE /api/v1/machines/{ref}': 'operator',
  'POST /api/v1/machines/{ref}/accept': 'operator',
  'POST /api/v1/machines/{ref}/abort': 'operator',
  'POST /api/v1/machines/{ref}/force': 'admin',
  'GET /api/v1/machines/{ref}/timeline': 'viewer',
  'GET /api/v1/machines/{ref}/explain': 'viewer',
  'GET /api/v1/explain': 'viewer',
  'GET /api/v1/machines/{ref}/power': 'viewer',
  'PUT /api/v1/machines/{ref}/power': 'operator',
  'DELETE /api/v1/machines/{ref}/power': 'operator',
  'POST /api/v1/machines/{ref}/power/on': 'operator',
  'POST /api/v1/machines/{ref}/power/off': 'operator',
  'POST /api/v1/machines/{ref}/power/cycle': 'operator',
  'POST /api/v1/machines/{ref}/power/reset': 'operator',
  'POST /api/v1/machines/{ref}/power/status': 'operator',
  'POST /api/v1/machines/{ref}/power/say': 'operator',
  'POST /api/v1/machines/{ref}/power/bootdev': 'operator',
  'POST /api/v1/machines/{ref}/power/identify': 'operator',
  'POST /api/v1/machines/{ref}/power/info': 'operator',
  'GET /api/v1/machines/{ref}/console': 'viewer',
  'PUT /api/v1/machines/{ref}/console': 'operator',
  'DELETE /api/v1/machines/{ref}/console': 'operator',
  'GET /api/v1/machines/{ref}/console/log': 'console-read',
  'GET /api/v1/machines/{ref}/console/tail': 'console-read',
  'GET /api/v1/machines/{ref}/console/stream': 'console-read',
  'GET /api/v1/console-transports': 'viewer',
  'POST /api/v1/power/orders': 'operator',
  'GET /api/v1/power/flip-test': 'viewer',
  'POST /api/v1/power/flip-test': 'operator',
  'DELETE /api/v1/power/flip-test': 'operator',
  'GET /api/v1/machines/{ref}/parameters': 'viewer',
  'PUT /api/v1/machines/{ref}/parameters/{name}': 'operator',
  'DELETE /api/v1/machines/{ref}/parameters/{name}': 'operator',
  'GET /api/v1/parameters': 'viewer',
  'PUT /api/v1/parameters/{name}': 'operator',
  'DELETE /api/v1/parameters/{name}': 'operator',
  'PUT /api/v1/parameters/{name}/value': 'operator',
  'DELETE /api/v1/parameters/{name}/value': 'operator',
  'GET /api/v1/boards': 'viewer',
  'GET /api/v1/boards/{name}': 'viewer',
  'POST /api/v1/boards': 'operator',
  'GET /api/v1/boards/{name}/dtbs': 'viewer',
  'POST /api/v1/boards/{name}/dtbs': 'operator',
  'POST /api/v1/boards/{name}/dtbs/fetch': 'operator',
  'POST /api/v1/boards/{name}/dtbs/rollback': 'operator',
  'GET /api/v1/lint/boards': 'viewer',
  'GET /api/v1/bundles': 'viewer',
  'POST /api/v1/bundles': 'operator',
  'GET /api/v1/bundles/{ref}': 'viewer',
  'DELETE /api/v1/bundles/{ref}': 'operator',
  'POST /api/v1/bundle-imports': 'operator',
  'GET /api/v1/channels': 'viewer',
  'POST /api/v1/bundles/{ref}/promote': 'operator',
  'POST /api/v1/channels/{ref}/rollback': 'operator',
  'GET /api/v1/trials': 'viewer',
  'POST /api/v1/machines/{ref}/trial': 'operator',
  'DELETE /api/v1/machines/{ref}/trial': 'operator',
  'GET /api/v1/kernels': 'viewer',
  'GET /api/v1/boot-matrix': 'viewer',
  'POST /api/v1/artefacts': 'operator',
  'GET /api/v1/leases': 'viewer',
  'GET /api/v1/networks': 'viewer',
  'GET /api/v1/drivers': 'viewer',
  'POST /api/v1/drivers/{name}/test': 'operator',
  'GET /api/v1/events': 'viewer',
  'GET /api/v1/users': 'admin',
  'POST /api/v1/users': 'admin',
  'PATCH /api/v1/users/{name}': 'admin',
  'DELETE /api/v1/users/{name}': 'admin',
  'POST /agent/v1/step': 'agent',
  'POST /agent/v1/facts': 'agent',
  'GET /agent/v1/parameters': 'agent',
  'POST /agent/v1/signal': 'agent',
  'POST /agent/v1/bmc': 'agent',
  'POST /agent/v1/bmc/done': 'agent',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /': 'viewer',
  'GET /rack': 'viewer',
  'GET /machines/{ref}': 'viewer',
  'GET /machines/{ref}/boots/{boot}': 'viewer',
  'GET /machines/{ref}/console': 'console-read',
  'GET /boards': 'viewer',
  'GET /boards/{name}': 'viewer',
  'GET /bundles': 'viewer',
  'GET /bundles/{ref}': 'viewer',
  'GET /drivers': 'viewer',
  'GET /leases': 'viewer',
  'GET /users': 'admin',
  'GET /help': 'viewer',
  'GET /events/rows': 'viewer',
  'GET /login': 'open',
  'GET /assets/{file}': 'open',
} as const satisfies Readonly<Record<string, Right>>;

/** A method and a path, as `RIGHTS` spells them. */
export type Operation = keyof typeof RIGHTS;

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };

/**
 * Whether a role is enough, with the console grant of the account where it has one of its own. Nobody is enough only
 * where nothing is needed; `agent` is settled by the route itself.
 */
export function suffices(role: Role | undefined, right: Right, console?: ConsoleGrant): boolean {
  if (right === 'open' || right === 'agent') return true;
  if (role === undefined) return false;
  const grant = consoleGrantOf(role, console);
  if (right === 'console-read') return grant !== 'none';
  if (right === 'console-write') return grant === 'write';
  return RANK[role] >= RANK[right];
}
