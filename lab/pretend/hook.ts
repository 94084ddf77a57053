import type { WebManner } from './web-device.ts';

/**
 * A site's own relay service: `GET /relay/NAME` says `{"relay":{"name":…,"on":true}}`, any other method on
 * `/relay/NAME/on` or `/off` switches. NAME arrives escaped. Everything wants `Authorization` to be exactly `authorization`.
 */
export function bearerManner(authorization: string): WebManner {
  return ({ path, method, headers }, outlets) => {
    if (headers.authorization !== authorization) return { status: 401 };
    const [, outlet = '', order] = /^\/relay\/(.+?)(?:\/(on|off))?$/.exec(path) ?? [];
    if (!outlets.has(outlet)) return { status: 404 };
    if (order === undefined) return { body: JSON.stringify({ relay: { name: outlet, on: outlets.isOn(outlet) } }) };
    if (method === 'GET') return { status: 405 };
    outlets.turn(outlet, order === 'on');
    return { status: 202, body: '' };
  };
}
