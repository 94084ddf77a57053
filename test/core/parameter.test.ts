import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { faultOfWord } from '../../server/core/kernel-args.ts';
import { PARAMETER_CATALOGUE } from '../../server/core/parameter-catalogue.ts';
import {
  effectiveParameters,
  parameterWords,
  parseParameterName,
  parseParameterValue,
  sameValue,
  shellName,
  valueText,
  type ParameterValue,
} from '../../server/core/parameter.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { agent, debian, facts, machine, uboot } from './boot-fixtures.ts';
import { declared, ownNote, setting } from './parameter-fixtures.ts';

const words = { ...ownNote, name: 'w', type: 'words' } as const;
const read = (name: string, value: ParameterValue): string => {
  const parsed = parseParameterValue(declared(name), value);
  return parsed.ok ? `= ${valueText(parsed.value)}` : parsed.error;
};

describe('the catalogue of parameters', () => {
  it('names are lawful, differ in a shell, and say what they mean', () => {
    const names = PARAMETER_CATALOGUE.map(({ name }) => name);
    for (const { name, meaning } of PARAMETER_CATALOGUE) {
      assert.ok(parseParameterName(name).ok, name);
      assert.match(meaning, /^[A-Z].*\.$|\)\.$/, name);
    }
    assert.equal(new Set(names.map(shellName)).size, names.length);
  });

  it('has ten debug switches and more, each of which changes the line of a boot', () => {
    const switches = PARAMETER_CATALOGUE.filter(({ name }) => name.startsWith('debug.'));
    assert.ok(switches.length >= 10);
    for (const declaration of switches) {
      const counting = effectiveParameters([declaration], [setting(1, declaration.name)]);
      assert.ok(parameterWords(counting, 'agent').length > 0, declaration.name);
    }
  });

  it('every word it puts on a line is a kernel argument, and those of the agent are no unknown words', () => {
    for (const declaration of PARAMETER_CATALOGUE)
      for (const boot of ['agent', 'bundle'] as const)
        for (const word of declaration.word[boot]?.split(' ') ?? []) assert.equal(faultOfWord(word), undefined);
  });
});

describe('reading a value', () => {
  const cases: readonly (readonly [string, ParameterValue, RegExp])[] = [
    ['debug.stay', 'on', /^= true$/],
    ['debug.stay', 'No', /^= false$/],
    ['debug.stay', true, /^= true$/],
    ['debug.stay', 'perhaps', /^debug\.stay: "perhaps" is neither true nor false$/],
    ['agent.idle-minutes', '45', /^= 45$/],
    ['agent.idle-minutes', 45, /^= 45$/],
    ['agent.idle-minutes', '0', /no whole number of minutes from 1 to 10080$/],
    ['agent.idle-minutes', '1.5', /no whole number/],
    ['agent.idle-minutes', '1e3', /no whole number/],
    ['agent.idle-minutes', true, /no whole number/],
    ['boot.target', 'agent', /^= agent$/],
    ['boot.target', 'floppy', /"floppy" is none of bundle, agent, local-disk$/],
    ['kernel.root', 'UUID=1', /^= UUID=1$/],
    ['kernel.root', '', /unset it instead/],
    ['kernel.root', 'a"b', /double quote/],
    ['kernel.root', 'a\nb', /control character/],
    ['kernel.root', 'x'.repeat(8193), /at most 8192 octets/],
    ['kernel.console', ['tty0', 'ttyS1,115200'], /^= tty0\nttyS1,115200$/],
    ['kernel.console', ' tty0 \n\n ttyS1 ', /^= tty0\nttyS1$/],
    ['kernel.console', [], /empty list/],
    ['kernel.console', Array.from({ length: 65 }, String), /at most 64 entries/],
    ['ssh.authorized-keys', 'ssh-ed25519 AAAA "my" key', /^= ssh-ed25519/],
    ['ssh.authorized-keys', ['a\u0000'], /control character/],
  ];
  for (const [name, value, want] of cases)
    it(`${name} of ${JSON.stringify(value).slice(0, 40)}: ${want.source.slice(0, 40)}`, () => {
      assert.match(read(name, value), want);
    });

  it('a list whose entries are named takes no others', () => {
    const parsed = parseParameterValue({ ...words, choices: ['a', 'b'] }, ['a', 'c']);
    assert.equal(parsed.ok ? '' : parsed.error, 'w: "c" is none of a, b');
  });

  it('names', () => {
    for (const good of ['a', 'debug.no-time', 'x2.y-3']) assert.ok(parseParameterName(good).ok, good);
    for (const bad of ['', 'A', '.a', 'a.', 'a..b', 'a b', '{{x}}', 'a_b', '1a', 'x'.repeat(65), 'ü'])
      assert.ok(!parseParameterName(bad).ok, bad);
  });

  it('values are the same when type and text are', () => {
    assert.ok(sameValue(['a', 'b'], ['a', 'b']) && !sameValue('1', 1) && !sameValue(true, false));
  });
});

describe('what counts', () => {
  const places = [
    setting(1, 'kernel.root', { value: 'site' }),
    setting(2, 'kernel.root', { scope: 'network', subject: 'rack1', value: 'network' }),
    setting(3, 'kernel.root', { scope: 'board', subject: 'b', value: 'board' }),
    setting(4, 'kernel.root', { scope: 'machine', subject: 'm-1', value: 'machine' }),
    setting(5, 'kernel.root', { scope: 'once', subject: 'm-1', value: 'once' }),
  ] as const;

  it('the nearest place, whatever the order they come in, with all it counts in place of', () => {
    for (let near = 1; near <= places.length; near += 1) {
      const given = [...places.slice(0, near)].reverse();
      const [root] = effectiveParameters([declared('kernel.root')], given);
      const last = places[near - 1];
      assert.deepEqual([root?.value, root?.origin, root?.setting?.id], [last?.value, last?.scope, near]);
      assert.deepEqual(
        root?.overrides.map((each) => each.value),
        places
          .slice(0, near - 1)
          .map((each) => each.value)
          .reverse(),
      );
    }
  });

  it('a network or board is named as its origin, and a machine needs no name', () => {
    const subjects = places.map((place) => effectiveParameters([declared('kernel.root')], [place])[0]?.subject);
    assert.deepEqual(subjects, ['', 'rack1', 'b', '', '']);
  });

  it('with nothing set the default counts, puts nothing on the line, and what has none is not there', () => {
    const counting = effectiveParameters([declared('agent.idle-minutes'), declared('kernel.root')], []);
    assert.deepEqual(
      counting.map((each) => [each.declaration.name, each.value, each.origin]),
      [['agent.idle-minutes', 30, 'default']],
    );
    assert.deepEqual(parameterWords(counting, 'agent'), []);
  });

  it('a nearer false takes a farther true away', () => {
    const given = [
      setting(1, 'debug.stay'),
      setting(2, 'debug.stay', { scope: 'machine', subject: 'm', value: false }),
    ];
    assert.deepEqual(parameterWords(effectiveParameters([declared('debug.stay')], given), 'agent'), []);
  });
});

describe('parameters as words', () => {
  const counting = (name: string, value: ParameterValue) =>
    effectiveParameters([declared(name)], [setting(1, name, { scope: 'machine', subject: 'm', value })]);
  const plain = (name: string, value: ParameterValue, boot: 'agent' | 'bundle') =>
    parameterWords(counting(name, value), boot).map((each) => each.word);

  it('are spelled in the kernel’s own way, each entry of a list by itself, by what boots', () => {
    assert.deepEqual(plain('kernel.root', 'LABEL=my root', 'bundle'), ['root="LABEL=my root"']);
    assert.deepEqual(plain('kernel.root', '/dev/vda1', 'agent'), []);
    assert.deepEqual(plain('kernel.console', ['tty0', 'ttyS1'], 'agent'), ['console=tty0', 'console=ttyS1']);
    assert.deepEqual(plain('debug.verbose', true, 'agent'), ['ignore_loglevel', 'farrier.verbose']);
    assert.deepEqual(plain('debug.verbose', true, 'bundle'), ['ignore_loglevel']);
    assert.deepEqual(plain('debug.ssh', true, 'bundle'), []);
    assert.deepEqual(plain('kernel.loglevel', 7, 'bundle'), ['loglevel=7']);
    assert.deepEqual(plain('ssh.authorized-keys', ['k'], 'agent'), []);
  });

  it('any text that is taken makes a lawful word that gives the text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (text) => {
        const parsed = parseParameterValue(declared('kernel.root'), text);
        if (!parsed.ok) return;
        const [word = ''] = plain('kernel.root', parsed.value, 'bundle');
        assert.equal(faultOfWord(word), undefined, word);
        assert.equal(word.replace(/^root=("?)([^]*)\1$/, '$2'), text);
      }),
    );
  });

  it('stand at the place of their origin, named, after the raw words of the same origin', () => {
    const given = [
      setting(1, 'kernel.loglevel', { value: 3 }),
      setting(2, 'debug.hold-on-panic', { scope: 'network', subject: 'rack1' }),
      setting(3, 'debug.initcalls', { scope: 'board', subject: 'bench-uboot' }),
      setting(4, 'kernel.root', { scope: 'machine', subject: machine.id, value: '/dev/vda1' }),
      setting(5, 'debug.verbose', { scope: 'once', subject: machine.id }),
    ];
    const plan = planBoot(
      {
        ...facts,
        siteArgs: ['s'],
        machine: { ...machine, extraArgs: ['m'] },
        parameters: effectiveParameters(PARAMETER_CATALOGUE, given),
      },
      uboot,
    );
    assert.ok(plan.do === 'boot');
    assert.deepEqual(plan.args.words.map(({ word, origin, parameter }) => [word, origin, parameter]).slice(0, -1), [
      ['s', 'site', undefined],
      ['loglevel=3', 'site', 'kernel.loglevel'],
      ['panic=0', 'network', 'debug.hold-on-panic'],
      ['quiet', 'bundle', undefined],
      ['console=ttyAMA0,115200', 'board', undefined],
      ['initcall_debug', 'board', 'debug.initcalls'],
      ['m', 'machine', undefined],
      ['root=/dev/vda1', 'machine', 'kernel.root'],
      ['ignore_loglevel', 'once', 'debug.verbose'],
    ]);
  });
});

describe('the parameter boot.target', () => {
  const planWith = (value: string, state: 'ready' | 'rescue' = 'ready') =>
    planBoot(
      {
        ...facts,
        machine: { ...machine, state },
        parameters: effectiveParameters(PARAMETER_CATALOGUE, [
          setting(1, 'boot.target', { scope: 'once', subject: machine.id, value }),
        ]),
      },
      uboot,
    );

  it('boots the agent in place of the bundle, and the bundle in place of the agent', () => {
    const [rescue, back] = [planWith('agent'), planWith('bundle', 'rescue')];
    assert.deepEqual(
      [rescue.do === 'boot' && rescue.bundle, back.do === 'boot' && back.bundle],
      ['agent@1', 'debian@12'],
    );
    assert.ok(agent.role === 'agent' && debian.role === 'system');
  });

  it('boots the own disk, and says that it is why', () => {
    assert.deepEqual(planWith('local-disk'), { do: 'local-disk', because: 'the parameter boot.target says so (once)' });
  });
});
