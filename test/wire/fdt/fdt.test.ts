import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { readFdt } from '../../../server/wire/fdt/fdt.ts';
import { readFdtHeader } from '../../../server/wire/fdt/header.ts';
import { buildFdt, type FdtNode } from './build-fdt.ts';

const mustang: FdtNode = {
  name: '',
  properties: { model: 'APM X-Gene Mustang board\0', compatible: 'apm,mustang\0apm,xgene-storm\0', 'other-name': 'x' },
  nodes: [
    { name: 'chosen', properties: { bootargs: 'console=ttyS0\0' }, nodes: [] },
    {
      name: 'cpus',
      properties: { model: 'not this one\0' },
      nodes: [{ name: 'chosen', properties: { bootargs: 'nor this\0' }, nodes: [] }],
    },
  ],
};
const reasonOf = (octets: Uint8Array): string => {
  const tree = readFdt(octets);
  return tree.ok ? 'read' : tree.error;
};
/** The tree with one 32-bit number of its header changed. */
const changed = (at: number, value: number): Uint8Array => {
  const octets = buildFdt(mustang);
  new DataView(octets.buffer).setUint32(at, value);
  return octets;
};

describe('readFdt', () => {
  it('reads model, compatible and the arguments of the root, and of no other node', () => {
    const tree = readFdt(buildFdt(mustang));
    assert.ok(tree.ok);
    assert.equal(tree.value.model, 'APM X-Gene Mustang board');
    assert.deepEqual(tree.value.compatible, ['apm,mustang', 'apm,xgene-storm']);
    assert.equal(tree.value.bootargs, 'console=ttyS0');
  });

  it('a tree without any of them is still a tree', () => {
    const tree = readFdt(buildFdt({ name: '', properties: {}, nodes: [] }));
    assert.ok(tree.ok);
    assert.deepEqual([tree.value.model, tree.value.compatible, tree.value.bootargs], [undefined, [], undefined]);
  });

  it('octets after the tree are no fault: loaders pad', () => {
    assert.equal(reasonOf(Buffer.concat([buildFdt(mustang), Buffer.alloc(100)])), 'read');
  });

  it('a tree that lies inside a larger buffer is read where it lies', () => {
    const tree = buildFdt(mustang);
    const outer = new Uint8Array(tree.length + 20);
    outer.set(tree, 20);
    assert.equal(reasonOf(outer.subarray(20)), 'read');
  });

  const faults: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['an empty file', new Uint8Array(), /0 octets are too short/],
    [
      'a page of HTML in its place',
      new TextEncoder().encode('<html>404 not found, and more of the like</html>'),
      /d00dfeed/,
    ],
    ['a download cut short', buildFdt(mustang).subarray(0, 100), /says \d+ octets, but only 100/],
    ['an ancient version', changed(20, 3), /version 3/],
    ['a version of the future', changed(24, 18), /compatible down to 18; 17 is needed/],
    ['a structure block beyond the end', changed(8, 0x7ffffff0), /structure block/],
    ['a structure block that is askew', changed(8, 57), /structure block/],
    ['a structure block that is too long', changed(36, 0xffffff), /structure block/],
    ['strings beyond the end', changed(12, 0x7ffffff0), /strings block/],
    ['no end', changed(36, 8), /no end|no end of|ends inside|has no end|longer than|cut off/],
    ['a token nobody knows', withToken(7), /token 7/],
    ['a node that ends twice', withToken(2), /ends twice/],
    ['an end before any node', withToken(9), /has no root/],
  ];
  for (const [title, octets, want] of faults)
    it(`refuses ${title}`, () => {
      assert.match(reasonOf(octets), want);
    });

  /** The tree whose first token is another one. */
  function withToken(token: number): Uint8Array {
    const octets = buildFdt(mustang);
    const view = new DataView(octets.buffer);
    view.setUint32(view.getUint32(8), token);
    return octets;
  }

  it('refuses a tree deeper than any real one', () => {
    let node: FdtNode = { name: 'leaf', properties: {}, nodes: [] };
    for (let depth = 0; depth < 80; depth += 1) node = { name: depth === 79 ? '' : 'n', properties: {}, nodes: [node] };
    assert.match(reasonOf(buildFdt(node)), /deeper than 64/);
  });

  it('a tree cut short at any octet gives a reason', () => {
    const good = buildFdt(mustang);
    for (let length = 0; length < good.length; length += 1) assert.notEqual(reasonOf(good.subarray(0, length)), 'read');
  });

  it('a tree whose structure block ends at any earlier word gives a reason', () => {
    const whole = new DataView(buildFdt(mustang).buffer).getUint32(36);
    for (let octets = 0; octets < whole; octets += 4) assert.notEqual(reasonOf(changed(36, octets)), 'read');
  });

  it('a property of 4 KiB is passed over, not kept', () => {
    const root = { name: '', properties: { model: 'x'.repeat(5000), compatible: 'a,b\0' }, nodes: [] };
    const tree = readFdt(buildFdt(root));
    assert.deepEqual(tree.ok && [tree.value.model, tree.value.compatible], [undefined, ['a,b']]);
  });

  it('a property whose name lies outside the strings is refused', () => {
    const octets = buildFdt({ name: '', properties: { model: 'Bench\0' }, nodes: [] });
    const view = new DataView(octets.buffer);
    view.setUint32(view.getUint32(8) + 4 + 4 + 8, 0x7fffffff); // begin node, its empty name, token and length of model
    assert.match(reasonOf(octets), /a property of \/ has no name/);
  });

  it('property: whatever is flipped, there is an answer and no exception', () => {
    const good = buildFdt(mustang);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }), (flips) => {
        const octets = good.slice();
        for (const [at, value] of flips) octets[at] = value;
        return typeof reasonOf(octets) === 'string' && typeof readFdtHeader(octets).ok === 'boolean';
      }),
      { numRuns: 500 },
    );
  });

  it('property: random octets behind a good magic give an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (tail) => {
        return typeof reasonOf(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed, ...tail)) === 'string';
      }),
    );
  });
});
