import { createHash } from 'node:crypto';
import type { WebAnswer, WebAsk } from './web-device.ts';

/** Who may in. */
export interface PretendUser {
  readonly user: string;
  readonly password: string;
}

/** The refusal of somebody who did not say the right basic credentials; nothing when he did. RFC 7617 */
export function denyBasic({ headers }: WebAsk, { user, password }: PretendUser): WebAnswer | undefined {
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return headers.authorization === wanted
    ? undefined
    : { status: 401, headers: { 'www-authenticate': 'Basic realm="pretend"' }, body: 'no' };
}

/** A judge of digest authentication with nonces of its own, each good for the counts that go up only. RFC 7616 */
export function createDigestJudge(
  algorithm: 'MD5' | 'SHA-256',
): (ask: WebAsk, target: string, user: PretendUser) => WebAnswer | undefined {
  const hash = algorithm === 'MD5' ? 'md5' : 'sha256';
  const digest = (text: string): string => createHash(hash).update(text).digest('hex');
  const counts = new Map<string, number>();
  let nonces = 0;
  return (ask, target, { user, password }) => {
    const said = readDigest(ask.headers.authorization ?? '');
    const { nonce = '', nc = '', cnonce = '' } = said;
    const [last, count] = [counts.get(nonce), Number.parseInt(nc, 16)];
    const a1 = digest(`${user}:pretend:${password}`);
    const wanted = digest(`${a1}:${nonce}:${nc}:${cnonce}:auth:${digest(`${ask.method}:${target}`)}`);
    if (last !== undefined && count > last && said['response'] === wanted && said['uri'] === target) {
      counts.set(nonce, count);
      return undefined;
    }
    nonces += 1;
    const fresh = digest(`nonce ${nonces}`);
    counts.set(fresh, 0);
    const challenge = `Digest qop="auth", realm="pretend", nonce="${fresh}", algorithm=${algorithm}`;
    return { status: 401, headers: { 'www-authenticate': challenge }, body: '' };
  };
}

function readDigest(header: string): Readonly<Record<string, string>> {
  if (!header.startsWith('Digest ')) return {};
  const parts = header.slice(7).matchAll(/([a-z]+)=(?:"([^"]*)"|([^ ,]+))/g);
  return Object.fromEntries([...parts].map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']));
}
