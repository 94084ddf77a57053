import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { jsonAt, linksAt, textAt, textsAt } from '../../../power-drivers/common/redfish-session.ts';

describe('what a Redfish service says', () => {
  const system = {
    Name: ' Node\t1\u0000 ',
    Boot: { 'Target@Redfish.AllowableValues': ['Pxe', 7, null, 'Hdd'] },
    Members: [{ '@odata.id': '/redfish/v1/Systems/1' }, { '@odata.id': 9 }, 'x', null],
    Off: false,
    Empty: '  ',
  };

  it('is read by the names that lead to it', () => {
    assert.equal(textAt(system, 'Name'), 'Node 1');
    assert.deepEqual(textsAt(system, 'Boot', 'Target@Redfish.AllowableValues'), ['Pxe', 'Hdd']);
    assert.deepEqual(linksAt(system, 'Members'), ['/redfish/v1/Systems/1']);
    assert.equal(jsonAt(system, 'Off'), false);
  });

  it('is nothing where the way breaks off, and nothing of the language itself', () => {
    for (const names of [['Boot', 'x', 'y'], ['Name', 'length'], ['constructor', 'name'], ['__proto__'], ['Off', 'x']])
      assert.equal(jsonAt(system, ...names), undefined, names.join('.'));
    assert.equal(textAt(system, 'Off'), undefined);
    assert.equal(textAt(system, 'Empty'), undefined);
    assert.deepEqual(linksAt(system, 'Name'), []);
  });

  it('may be any JSON: texts come as short single lines, lists as lists', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.string(), { maxLength: 3 }), (json, names) => {
        const text = textAt(json, ...names);
        assert.ok(text === undefined || (text.length <= 200 && !/\p{Cc}/u.test(text)));
        assert.ok(textsAt(json, ...names).every((each) => typeof each === 'string'));
        assert.ok(linksAt(json, ...names).every((each) => typeof each === 'string'));
      }),
    );
    assert.equal(textAt({ a: 'x'.repeat(1000) }, 'a')?.length, 200);
  });
});
