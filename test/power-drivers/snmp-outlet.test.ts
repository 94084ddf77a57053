import { strict as assert } from 'node:assert';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import snmp, { type User } from 'net-snmp';
import { startPretendSnmpPdu, type PretendSnmpPdu } from '../../lab/pretend/snmp-outlet.ts';
import { OUTLET_MODELS } from '../../power-drivers/common/snmp-outlet-models.ts';
import { snmpOutlet } from '../../power-drivers/snmp-outlet.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { PowerError, type PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { powerFailure } from '../support/power-failure.ts';

const forever = new AbortController().signal;
const { noAuthNoPriv, authNoPriv, authPriv } = snmp.SecurityLevel;
const [authKey, privKey] = ['canary-auth-key', 'canary-priv-key'];
const userOf = (name: string, level: number, auth = 'sha', priv = 'aes'): User => ({
  name,
  level,
  ...(level === noAuthNoPriv ? {} : { authProtocol: snmp.AuthProtocols[auth] ?? 0, authKey }),
  ...(level === authPriv ? { privProtocol: snmp.PrivProtocols[priv] ?? 0, privKey } : {}),
});

describe('snmp-outlet', () => {
  let pdu: PretendSnmpPdu;
  beforeEach(async () => {
    const writers = [
      'canary-write',
      userOf('open', noAuthNoPriv),
      userOf('sha', authNoPriv),
      userOf('aes', authPriv),
      userOf('sha256', authPriv, 'sha256', 'aes256b'),
    ];
    const readers = ['canary-read', userOf('reader', authPriv)];
    pdu = await startPretendSnmpPdu({ clock: realEdges.clock, outlet: 3, access: { writers, readers } });
  });
  afterEach(() => {
    pdu.close();
  });

  const open = (parameters: FieldValues = {}): PowerHandle => {
    const base = { host: '127.0.0.1', port: pdu.port, model: 'apc-rpdu', outlet: 3 };
    const community = parameters['version'] === '3' ? {} : { community: 'canary-write' };
    return snmpOutlet.open({ ...base, ...community, ...parameters }, realEdges);
  };
  const works = async (handle: PowerHandle): Promise<void> => {
    assert.equal(await handle.query(forever), 'off');
    await handle.set('on', forever);
    assert.ok(pdu.machine.isOn());
    assert.equal(await handle.query(forever), 'on');
    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'off');
  };

  const ways: readonly (readonly [string, FieldValues])[] = [
    ['SNMP v1', { version: '1' }],
    ['SNMP v2c', { version: '2c' }],
    ['SNMP v3 without keys', { version: '3', user: 'open' }],
    ['SNMP v3 with authentication', { version: '3', user: 'sha', authKey }],
    ['SNMP v3 with SHA and AES', { version: '3', user: 'aes', authKey, privKey }],
    [
      'SNMP v3 with SHA-256 and AES-256',
      { version: '3', user: 'sha256', authKey, privKey, authProtocol: 'sha256', privProtocol: 'aes256b' },
    ],
  ];
  for (const [title, parameters] of ways)
    it(`switches and reads back over ${title}`, async () => {
      await works(open(parameters));
    });

  it('a custom device by its columns', async () => {
    const [switchOid, statusOid] = [OUTLET_MODELS['apc-rpdu'].on.column, OUTLET_MODELS['apc-rpdu'].status.column];
    await works(open({ model: 'custom', switchOid, statusOid }));
    await works(open({ model: 'custom', switchOid }));
  });

  it('reboots by one order of the device itself; a PoE port cannot', async () => {
    await open().reset?.(forever);
    assert.deepEqual(pdu.orders(), [3]);
    const words = await powerFailure(open({ model: 'poe' }).reset?.(forever) ?? Promise.resolve(), 'refused');
    assert.match(words, /knows no reboot; use a power cycle/);
  });

  it('an order that was taken and not followed shows in the state', async () => {
    pdu.misbehave('lies');
    const handle = open();
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'off');
  });

  describe('says what is wrong', () => {
    it('a community that may only read is refused', async () => {
      for (const version of ['1', '2c'])
        assert.match(
          await powerFailure(open({ version, community: 'canary-read' }).set('on', forever), 'refused'),
          /may not set/,
        );
      const reader = open({ version: '3', user: 'reader', authKey, privKey });
      await powerFailure(reader.set('on', forever), 'refused');
      assert.equal(await reader.query(forever), 'off');
    });

    const strangers: readonly (readonly [string, FieldValues])[] = [
      ['user', { user: 'nobody', authKey, privKey }],
      ['authentication key', { user: 'sha', authKey: 'wrong-canary' }],
      ['level', { user: 'aes' }],
    ];
    for (const [title, parameters] of strangers)
      it(`a wrong ${title} is auth, and not said`, async () => {
        const words = await powerFailure(open({ version: '3', ...parameters }).query(forever), 'auth');
        assert.ok(!words.includes('canary'), words);
      });

    it('an outlet that is not there', async () => {
      assert.match(
        await powerFailure(open({ outlet: 99 }).query(forever), 'refused'),
        /shows no outlet 99; check model/,
      );
      assert.match(await powerFailure(open({ bank: '1.1' }).query(forever), 'refused'), /no outlet 1\.1\.3/);
    });

    it('a port nobody listens on', async () => {
      const free = await new Promise<number>((resolve) => {
        const socket = createSocket('udp4');
        socket.bind(0, '127.0.0.1', () => {
          const { port } = socket.address();
          socket.close(() => {
            resolve(port);
          });
        });
      });
      assert.match(await powerFailure(open({ port: free }).query(forever), 'unreachable'), /ECONNREFUSED/);
    });

    it('being stopped while the agent is silent', async () => {
      pdu.misbehave('silent');
      const stop = new AbortController();
      const asked = powerFailure(open().query(stop.signal), 'timeout');
      setImmediate(() => {
        stop.abort();
      });
      await asked;
      await powerFailure(open().query(AbortSignal.abort()), 'timeout');
    });

    it('a flood', async () => {
      pdu.misbehave('flood');
      assert.match(await powerFailure(open().query(forever), 'refused'), /more than 200 datagrams/);
    });

    const incomplete: readonly (readonly [string, FieldValues, RegExp])[] = [
      ['no community', { community: '' }, /"community" is missing/],
      ['no user', { version: '3' }, /"user" is missing/],
      ['no authentication key', { version: '3', user: 'u', privKey }, /"authKey" is missing/],
      ['a short key', { version: '3', user: 'u', authKey: 'short' }, /"authKey" must have 8/],
      ['no column', { model: 'custom' }, /"switchOid" is missing/],
      ['a column that is no OID', { model: 'custom', switchOid: '1.3.x' }, /"switchOid" must match/],
    ];
    for (const [title, parameters, words] of incomplete)
      it(title, () => {
        assert.throws(
          () => open(parameters),
          (error) => error instanceof PowerError && error.code === 'config' && words.test(error.message),
        );
      });
  });

  describe('an agent that answers anything at all', () => {
    let hostile: Socket;
    let reply: (asked: Buffer, from: RemoteInfo) => void;
    beforeEach(async () => {
      hostile = createSocket('udp4');
      hostile.on('message', (asked, from) => {
        reply(asked, from);
      });
      await new Promise<void>((resolve) => hostile.bind(0, '127.0.0.1', resolve));
    });
    afterEach(() => {
      hostile.close();
    });

    /** Each octet of the answer changed in turn, and each length: nothing but an answer or a `PowerError` comes of it. */
    for (const version of ['2c', '3'])
      it(`SNMP ${version}: changed or cut at every octet`, async () => {
        let shown = 0;
        for (let at = 0; at < 120; at += 1) {
          const stop = new AbortController();
          reply = (asked, from) => {
            const answer = Buffer.from(asked);
            // A request becomes its response by one octet; where it stands depends on the version.
            for (let seek = 0; seek < answer.length; seek += 1) if (answer[seek] === 0xa0) answer[seek] = 0xa2;
            const changed = at % 2 === 0 ? answer.subarray(0, at) : answer;
            if (at % 2 === 1 && at < answer.length) changed[at] = (changed[at] ?? 0) ^ 0xff;
            hostile.send(changed, from.port, from.address, () => {
              setImmediate(() =>
                setImmediate(() => {
                  stop.abort();
                }),
              );
            });
          };
          const who = version === '3' ? { version, user: 'aes', authKey, privKey } : { version };
          const handle = open({ ...who, port: hostile.address().port });
          await handle.query(stop.signal).then(
            () => undefined,
            (error: unknown) => {
              assert.ok(error instanceof PowerError, String(error));
            },
          );
          shown += 1;
        }
        assert.equal(shown, 120);
      });
  });

  it('each model names columns of its own and values that differ', () => {
    for (const [name, { on, off, status }] of Object.entries(OUTLET_MODELS)) {
      assert.notEqual(`${on.column}=${on.value}`, `${off.column}=${off.value}`, name);
      assert.ok(![...status.on].some((each) => [...status.off].some((other) => other === each)), name);
      for (const { column } of [on, off, status]) assert.match(column, /^1\.3\.6\.1\.[24](\.\d+)+$/);
    }
  });
});
