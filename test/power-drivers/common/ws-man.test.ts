import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { escapeXml, wsManAt, xmlTextAt } from '../../../power-drivers/common/ws-man.ts';
import type { HttpCall, HttpReply } from '../../../power-drivers/common/http-call.ts';
import { powerFailure } from '../../support/power-failure.ts';

describe('texts in XML', () => {
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['with a prefix', '<g:PowerState>2</g:PowerState>', '2'],
    ['without one', '<PowerState>8</PowerState>', '8'],
    ['with attributes', '<h:PowerState xml:lang="en" x=\'1\'> 2\n</h:PowerState>', '2'],
    ['the first of several', '<PowerState>2</PowerState><PowerState>8</PowerState>', '2'],
    ['not a longer name', '<RequestedPowerState>8</RequestedPowerState><PowerStates>3</PowerStates>', undefined],
    ['not one that holds elements', '<PowerState><x/></PowerState>', undefined],
    ['entities', '<PowerState>a &lt;&amp;&#65;&#x42;&gt; &nope; &#x110000;</PowerState>', 'a <&AB> &nope;'],
    ['cut off', '<PowerState>2', undefined],
    ['nothing', '', undefined],
  ];
  for (const [title, xml, want] of cases)
    it(title, () => {
      assert.equal(xmlTextAt(xml, 'PowerState'), want);
    });

  it('what is escaped comes back as one line', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (text) => {
        const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
        const back = xmlTextAt(`<x:T>${escapeXml(text.replace(/\p{Cc}/gu, ' '))}</x:T>`, 'T');
        assert.equal(back, line);
      }),
    );
    assert.equal(escapeXml('a\u0000"b'), 'a&quot;b');
  });

  it('a megabyte of anything is read at once', () => {
    for (const part of ['<', '<a:', '<T ', '<T', '<T>', '&#'])
      assert.equal(xmlTextAt(part.repeat(1_000_000 / part.length), 'T'), undefined);
  });
});

describe('WS-Management', () => {
  const url = new URL('http://10.0.0.9:16992/wsman');
  const speaking = (reply: Partial<HttpReply>) => {
    const calls: HttpCall[] = [];
    const wsMan = wsManAt(url, undefined, (call) => {
      calls.push(call);
      return Promise.resolve({ status: 200, headers: {}, body: '', ...reply });
    });
    return { wsMan, calls };
  };
  const called = {
    cimClass: 'CIM_X',
    method: 'Do',
    arguments: [
      ['A', '<1>'],
      ['B', { cimClass: 'CIM_Y' }],
    ],
  } as const;

  it('arguments are escaped, instances become references, messages are numbered', async () => {
    const { wsMan, calls } = speaking({ body: '<g:ReturnValue>0</g:ReturnValue>' });
    assert.equal(await wsMan.invoke(called), 0);
    assert.equal(await wsMan.invoke({ ...called, selectors: { Name: 'a"b' } }), 0);
    const [first = '', second = ''] = calls.map(({ body }) => body);
    assert.match(first, /<p:A>&lt;1&gt;<\/p:A><p:B><a:Address>[^<]*<\/a:Address>.*CIM_Y<\/w:ResourceURI>/);
    assert.match(first, /<a:Action>[^<]*CIM_X\/Do<\/a:Action>.*<a:MessageID>1</);
    assert.match(second, /<w:Selector Name="Name">a&quot;b<\/w:Selector>.*<a:MessageID>2</);
  });

  it('a fault is refused in its own words, a broken service is busy, a missing value refused', async () => {
    const text = { status: 500, body: '<s:Fault><s:Text xml:lang="en">No &quot;way&quot;</s:Text></s:Fault>' };
    assert.match(
      await powerFailure(speaking(text).wsMan.invoke(called), 'refused'),
      /Do is answered HTTP 500: No "way"/,
    );
    await powerFailure(speaking({ status: 503 }).wsMan.get(called), 'busy');
    await powerFailure(speaking({ status: 404 }).wsMan.get(called), 'refused');
    assert.match(await powerFailure(speaking({ body: '<x/>' }).wsMan.invoke(called), 'refused'), /no return value/);
  });
});
