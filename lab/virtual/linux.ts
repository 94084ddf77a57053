import { linuxIdentity } from './dhcp-identity.ts';
import { BootFailed, type Hands, type Started } from './hands.ts';
import { pretendFacts } from './pretend-facts.ts';

/** What a started kernel turned out to be. */
export type Running = 'agent' | 'system';

/** The pretended kernel: an agent where the arguments tell it a server and a token, else a system that is just up. */
export async function linux(hands: Hands, started: Started): Promise<Running> {
  const words = started.args.split(' ');
  const url = valueOf(words, 'farrier.url');
  const token = valueOf(words, 'farrier.token');
  await hands.work();
  if (url === undefined || token === undefined) {
    hands.say('system', `up with "${started.args}"`);
    return 'system';
  }
  await enlist(hands, started, url.replace(/\/$/, ''), token);
  return 'agent';
}

async function enlist(hands: Hands, started: Started, url: string, token: string): Promise<void> {
  const lease = await hands.lease(linuxIdentity(hands.spec.mac, 'farrier-agent'));
  await post(hands, `${url}/agent/v1/step`, token, { step: 'address on eth0' });
  await hands.work();
  const facts = pretendFacts(hands.spec, started, lease.address, lease.subnet.prefix);
  const sections = Object.entries(facts).map(([name, text]) => [`${name}.b64`, Buffer.from(text).toString('base64')]);
  await post(hands, `${url}/agent/v1/step`, token, { step: 'facts gathered' });
  await post(hands, `${url}/agent/v1/facts`, token, Object.fromEntries(sections));
  hands.say('agent', 'facts accepted');
}

/** Repeats while the server says "later", as the agent does; gives up on a plain no. */
async function post(hands: Hands, url: string, token: string, content: unknown): Promise<void> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const body = new TextEncoder().encode(JSON.stringify(content));
  for (let attempt = 0; ; attempt += 1) {
    const { status } = await hands.http({ method: 'POST', url, headers, body });
    if (status >= 200 && status < 300) return;
    if ((status !== 429 && status < 500) || attempt === 8) throw new BootFailed(`${url} said ${String(status)}`);
    await hands.pause(Math.min(1000 * 2 ** attempt, 16_000));
  }
}

function valueOf(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}
