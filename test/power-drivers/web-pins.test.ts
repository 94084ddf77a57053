import { strict as assert } from 'node:assert';
import { dliRestManner } from '../../lab/pretend/dli.ts';
import { bearerManner } from '../../lab/pretend/hook.ts';
import { shelly2Manner } from '../../lab/pretend/plugs.ts';
import { startWebDevice, type PretendWebDevice, type WebManner } from '../../lab/pretend/web-device.ts';
import { dli } from '../../power-drivers/dli.ts';
import { plug } from '../../power-drivers/plug.ts';
import { webhook } from '../../power-drivers/webhook.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { makeTlsCertificate, type TlsCertificate } from '../support/tls-certificate.ts';

const [user, password] = ['admin', 'canary-pin-1'];

interface Story {
  readonly driver: PowerDriver;
  readonly manner: WebManner;
  readonly outlet: string;
  parameters(port: number): FieldValues;
}

const place = (port: number): FieldValues => ({ host: '127.0.0.1', scheme: 'https', port, password });
const url = (port: number): string => `https://127.0.0.1:${port}/relay/4`;
const STORIES: readonly Story[] = [
  {
    driver: plug,
    manner: shelly2Manner({ user, password }),
    outlet: '0',
    parameters: (port) => ({ kind: 'shelly-2', ...place(port) }),
  },
  {
    driver: dli,
    manner: dliRestManner({ user, password, outlets: 8 }),
    outlet: '4',
    parameters: (port) => ({ outlet: 4, ...place(port) }),
  },
  {
    driver: webhook,
    manner: bearerManner(password),
    outlet: '4',
    parameters: (port) => ({
      onUrl: `${url(port)}/on`,
      offUrl: `${url(port)}/off`,
      statusUrl: url(port),
      statusPointer: '/relay/on',
      onText: 'true',
      offText: 'false',
      secret: password,
    }),
  },
];

describe('devices over TLS', () => {
  let tls: TlsCertificate;
  let device: PretendWebDevice;
  before(async () => {
    tls = await makeTlsCertificate();
  });
  afterEach(() => device.close());

  for (const { driver, manner, outlet, parameters } of STORIES)
    it(`${driver.name}: says nothing to a device before its certificate is the pinned one`, async () => {
      device = await startWebDevice({ manner, outlets: [outlet], clock: realClock, tls });
      const stranger = driver.open(parameters(device.port), realEdges);
      assert.match((await failureOf(stranger.set('on', forever))).message, new RegExp(tls.fingerprint));
      const pinned = { ...parameters(device.port), tlsFingerprint: 'ab'.repeat(32) };
      assert.equal((await failureOf(driver.open(pinned, realEdges).query(forever))).code, 'auth');
      assert.equal(device.seen().length, 0);
      const known = driver.open({ ...parameters(device.port), tlsFingerprint: tls.fingerprint }, realEdges);
      await known.set('on', forever);
      assert.equal(await known.query(forever), 'on');
      assert.equal(device.isOn(outlet), true);
    });
});
