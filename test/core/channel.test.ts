import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { bundleRef } from '../../server/core/bundle.ts';
import { whyKept, type BundleUsers } from '../../server/core/bundle-keep.ts';
import { channelsOf, parseChannelName, resolveBundle, type ChannelMove } from '../../server/core/channel.ts';
import { sampleBundle, sampleMachine, sampleTry } from '../support/samples.ts';

const move = (id: number, version: string, change: Partial<ChannelMove> = {}): ChannelMove => ({
  ...{ id, name: 'debian', channel: 'stable', version, atMs: id, by: 'alice', undoneMs: undefined },
  ...change,
});
const nobody: BundleUsers = { machines: [], moves: [], tries: [], goods: [] };

describe('channels', () => {
  it('a channel points at its newest move that was not undone, and would go back to the one before', () => {
    const moves = [move(1, '1'), move(2, '2'), move(3, '3', { undoneMs: 9 }), move(4, '7', { channel: 'candidate' })];
    assert.deepEqual(
      channelsOf(moves).map(({ channel, version, previous, sinceMs }) => [channel, version, previous, sinceMs]),
      [
        ['stable', '2', '1', 2],
        ['candidate', '7', undefined, 4],
      ],
    );
  });

  it('promotions and as many rollbacks lead back to where they began', () => {
    const versions = fc.array(fc.constantFrom('1', '2', '3'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(versions, versions, (kept, undone) => {
        const all = [...kept, ...undone].map((version, nth) =>
          move(nth + 1, version, nth < kept.length ? {} : { undoneMs: 9 }),
        );
        assert.deepEqual(channelsOf(all), channelsOf(all.slice(0, kept.length)));
        assert.equal(channelsOf(all)[0]?.version, kept.at(-1));
      }),
    );
  });

  it('a machine gets the version it names, or the one its channel points at', () => {
    const bundles = ['1', '2'].map((version) => sampleBundle('debian', { version }));
    const channels = channelsOf([move(1, '1')]);
    const refOf = (ref: string | undefined) => {
      const bundle = resolveBundle(ref, bundles, channels);
      return bundle && bundleRef(bundle);
    };
    assert.equal(refOf('debian@2'), 'debian@2');
    assert.equal(refOf('debian:stable'), 'debian@1');
    for (const ref of [undefined, 'debian', 'debian:candidate', 'debian@3', 'other:stable'])
      assert.equal(refOf(ref), undefined);
  });

  it('names are short and plain', () => {
    for (const name of ['stable', 'rc-2']) assert.ok(parseChannelName(name).ok);
    for (const name of ['', 'Stable', '-x', 'a:b', 'a@b', 'a b', 'x'.repeat(33)])
      assert.ok(!parseChannelName(name).ok, name);
  });
});

describe('what keeps a bundle', () => {
  const machines = [sampleMachine(1, { bundle: 'debian@5' })];
  const { id } = sampleMachine(1);
  const cases: readonly (readonly [string, Partial<BundleUsers>, RegExp])[] = [
    ['a machine that boots it', { machines }, /used by machine "board-01"/],
    ['a channel that points at it', { moves: [move(1, '5')] }, /debian:stable points at it/],
    ['a channel that would roll back to it', { moves: [move(1, '5'), move(2, '6')] }, /would roll back to it/],
    [
      'a trial of it',
      { machines: [sampleMachine(1)], tries: [sampleTry({ bundle: 'debian@5' })] },
      /"board-01" tries it/,
    ],
    ['a trial that would go back to it', { tries: [sampleTry({ back: 'debian@5' })] }, /would go back to it/],
    ['the last good boot', { goods: [{ machine: id, bundle: 'debian@5', before: undefined }] }, /last good/],
    ['the good boot before', { goods: [{ machine: id, bundle: 'debian@6', before: 'debian@5' }] }, /last good/],
  ];
  for (const [what, users, words] of cases)
    it(what, () => {
      assert.match(whyKept('debian@5', { ...nobody, ...users }) ?? '', words);
      assert.equal(whyKept('debian@55', { ...nobody, ...users }), undefined);
    });

  it('nobody', () => {
    const undone = [move(1, '1'), move(2, '2'), move(3, '5', { undoneMs: 4 })];
    assert.equal(whyKept('debian@5', { ...nobody, moves: undone }), undefined);
  });
});
