import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { CliDeps } from '../../server/cli/deps.ts';
import { buildProgram } from '../../server/cli/program.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const never = (): never => assert.fail('nothing is run');
const deps: CliDeps = {
  version: '1.2.3',
  clock: createFakeClock(),
  configFiles: [],
  demoSocket: '/nowhere',
  terminal: { writeOut: never, writeErr: never, colour: false, canAsk: false, askSecret: never, readStdin: never },
  work: {
    ...{ serve: never, demo: never, bundleFromFolder: never, bundleFromDebian: never, buildAgent: never },
    ...{ dtbFromDeb: never, dtbInFolder: never, newDriver: never },
  },
};

/** The commands that do something, each with the words that lead to it. */
function leaves(command: Command, words: readonly string[] = []): readonly (readonly [readonly string[], Command])[] {
  const below = command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
  return below.length > 0 ? below : [[words, command]];
}

describe('the commands', () => {
  const commands = leaves(buildProgram(deps));

  it('are all there', () => {
    const firsts = new Set(commands.map(([words]) => words[0]));
    const wanted = 'serve demo config machine power board bundle driver explain agent user leases parameter'.split(' ');
    assert.deepEqual([...firsts].sort(), wanted.sort());
  });

  it('each says what it does, and so does each of its options', () => {
    for (const [words, command] of commands) {
      assert.ok(command.description() !== '', words.join(' '));
      for (const option of command.options) assert.ok(option.description !== '', `${words.join(' ')} ${option.flags}`);
    }
  });

  it('none takes a secret as an option or argument', () => {
    const secret = /password|secret|token|community/i;
    for (const [words, command] of commands) {
      for (const option of command.options)
        assert.ok(
          !secret.test(option.long ?? '') || /-file$/.test(option.long ?? ''),
          `${words.join(' ')} ${option.flags}`,
        );
      for (const argument of command.registeredArguments) assert.ok(!secret.test(argument.name()), words.join(' '));
    }
  });

  it('the manual names each of them', () => {
    const manual = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    const rows = manual.split('\n').filter((line) => line.startsWith('| `'));
    for (const [[first = '', second = '']] of commands) {
      const row = rows.filter((line) => line.startsWith(`| \`${first}`)).join('\n');
      assert.ok(row !== '' && row.includes(second), `${first} ${second}`);
    }
  });
});
