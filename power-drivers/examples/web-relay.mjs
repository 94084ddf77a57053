// web-relay: a relay behind a web page: POST /relay/3/on switches, GET /relay/3 says "on" or "off".
export default ({ definePowerDriver, PowerError }) =>
  definePowerDriver({
    name: 'web-relay',
    summary: 'Relay behind a web page',
    abilities: ['on', 'off', 'status'],
    callTimeoutMs: 5000,
    settleTimeoutMs: 30_000,
    fields: {
      host: { kind: 'host', label: 'Address', scope: 'controller', required: true },
      port: { kind: 'port', label: 'TCP port', scope: 'controller', required: true, default: 80 },
      token: { kind: 'secret', label: 'Token', scope: 'controller', required: true, pattern: '[!-~]+' },
      relay: { kind: 'integer', label: 'Relay', scope: 'machine', required: true, min: 1, max: 8 },
    },
    open: ({ host, port, token, relay }) => {
      const where = `relay ${relay} of ${host}:${port}`;
      const ask = async (method, path, signal) => {
        const headers = { authorization: `Bearer ${token}`, connection: 'close' };
        const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/relay/${relay}${path}`;
        let text = '';
        try {
          const answer = await fetch(url, { method, headers, signal, redirect: 'error' });
          for await (const chunk of answer.body ?? []) {
            text += Buffer.from(chunk).toString('latin1');
            if (text.length > 1000) throw new PowerError('refused', `${where}: its answer is too long`);
          }
          if (answer.status === 401) throw new PowerError('auth', `${where}: the token is refused`);
          if (!answer.ok) throw new PowerError('refused', `${where}: HTTP ${answer.status}`);
        } catch (error) {
          if (error instanceof PowerError) throw error;
          throw new PowerError(
            signal.aborted ? 'timeout' : 'unreachable',
            `${where}: ${error.cause?.code ?? error.name}`,
          );
        }
        return text.trim();
      };
      return {
        set: async (want, signal) => void (await ask('POST', `/${want}`, signal)),
        query: async (signal) => {
          const state = await ask('GET', '', signal);
          if (state === 'on' || state === 'off') return state;
          throw new PowerError('refused', `${where}: it said neither on nor off`);
        },
      };
    },
  });
