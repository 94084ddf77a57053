import { strict as assert } from 'node:assert';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import { checkSetting } from '../../server/services/check-setting.ts';

const driver: PowerDriver = {
  name: 'pretend',
  summary: 'a pretend PDU',
  fields: {
    host: { kind: 'host', label: 'PDU address', scope: 'controller', required: true },
    port: { kind: 'port', label: 'Port', scope: 'controller', required: false, default: 80 },
    outlet: { kind: 'integer', label: 'Outlet', scope: 'machine', required: true, min: 1, max: 8 },
    mode: { kind: 'choice', label: 'Mode', scope: 'machine', required: false, choices: ['soft', 'hard'] },
    note: { kind: 'text', label: 'Note', scope: 'machine', required: false, pattern: '[a-z ]*' },
    password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
  },
  abilities: ['on', 'off', 'status'],
  callTimeoutMs: 1000,
  settleTimeoutMs: 1000,
  open: () => {
    throw new Error('not opened in this test');
  },
};
const good = { host: '10.77.0.5', outlet: 3 };

describe('power settings', () => {
  it('takes a good form, fills in defaults and keeps secrets out of the parameters', () => {
    const checked = checkSetting(driver, good, { password: 'canary' }, []);
    assert.deepEqual(checked, { ok: true, value: { host: '10.77.0.5', port: 80, outlet: 3 } });
  });

  it('a number may come as text from a form and is kept as a number', () => {
    const checked = checkSetting(driver, { ...good, outlet: '8' }, { password: 'x' }, []);
    assert.ok(checked.ok && checked.value['outlet'] === 8);
  });

  it('a secret that is kept already need not be given again', () => {
    assert.ok(checkSetting(driver, good, {}, ['password']).ok);
  });

  const bad: readonly (readonly [string, Record<string, string | number>, Record<string, string>, string])[] = [
    ['a missing field', { host: '10.77.0.5' }, { password: 'x' }, 'outlet'],
    ['a missing secret', good, {}, 'password'],
    ['an unknown field', { ...good, plug: 1 }, { password: 'x' }, 'plug'],
    ['a name every object has', { ...good, constructor: 'x' }, { password: 'x' }, 'constructor'],
    ['an outlet below the first', { ...good, outlet: 0 }, { password: 'x' }, 'outlet'],
    ['an outlet beyond the last', { ...good, outlet: 9 }, { password: 'x' }, 'outlet'],
    ['half an outlet', { ...good, outlet: 1.5 }, { password: 'x' }, 'outlet'],
    ['a host that would be an option', { ...good, host: '-oProxyCommand=x' }, { password: 'x' }, 'host'],
    ['a host with a command in it', { ...good, host: '10.0.0.1;id' }, { password: 'x' }, 'host'],
    ['a port beyond 65535', { ...good, port: 65_536 }, { password: 'x' }, 'port'],
    ['a choice that is none', { ...good, mode: 'gentle' }, { password: 'x' }, 'mode'],
    ['a text that begins with a dash', { ...good, note: '-rf' }, { password: 'x' }, 'note'],
    ['a text with a newline', { ...good, note: 'a\nb' }, { password: 'x' }, 'note'],
    ['a text outside of its pattern', { ...good, note: '$(id)' }, { password: 'x' }, 'note'],
    ['a secret among the parameters', { ...good, password: 'x' }, {}, 'password'],
    ['a parameter among the secrets', { outlet: 3 }, { host: '10.77.0.5', password: 'x' }, 'host'],
  ];
  for (const [title, parameters, secrets, field] of bad)
    it(`${title} is refused by name`, () => {
      const checked = checkSetting(driver, parameters, secrets, []);
      assert.ok(!checked.ok && checked.error.field === field);
    });

  it('no refusal repeats a secret', () => {
    const checked = checkSetting(driver, good, { password: 'canary\u0000' }, []);
    assert.ok(!checked.ok && !checked.error.because.includes('canary'));
  });
});
