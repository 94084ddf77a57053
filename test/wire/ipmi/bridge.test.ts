import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { chassisStatusRequest } from '../../../server/wire/ipmi/commands.ts';
import {
  checksum,
  decodeRequest,
  encodeBridged,
  encodeRequest,
  encodeResponse,
  openBridged,
  SEND_MESSAGE,
  type IpmiResponse,
} from '../../../server/wire/ipmi/message.ts';
import { bridgeTrouble } from '../../../server/wire/ipmi/words.ts';
import { toHex } from '../../support/golden-ipmi.ts';

const status: IpmiResponse = { netFn: 1, command: 1, completion: 0, data: Uint8Array.of(1, 0, 0) };
const passedOn = (data: Uint8Array, completion = 0): IpmiResponse => ({
  netFn: 7,
  command: SEND_MESSAGE,
  completion,
  data,
});

describe('a message to a controller behind the BMC', () => {
  it('without a hop is a plain one', () => {
    assert.equal(toHex(encodeBridged(chassisStatusRequest(), [], 5)), toHex(encodeRequest(chassisStatusRequest(), 5)));
  });

  it('over one hop: Send Message, tracked, with the request inside', () => {
    const octets = encodeBridged(chassisStatusRequest(), [{ channel: 7, address: 0x72 }], 5);
    // To 20 from 81: Send Message on channel 7; inside, to 72 from 20: chassis status.
    assert.equal(toHex(octets), '2018c8' + '81143447' + '72008e' + '201401cb' + 'f0');
  });

  it('over two hops: Send Message inside Send Message, every checksum right', () => {
    const route = [
      { channel: 0, address: 0x82 },
      { channel: 7, address: 0x72 },
    ];
    const outer = decodeRequest(encodeBridged(chassisStatusRequest(), route, 9));
    assert.ok(outer.ok && outer.value.request.command === SEND_MESSAGE);
    assert.equal(outer.value.request.data[0], 0x40);
    const middle = outer.value.request.data.subarray(1);
    assert.equal(middle[0], 0x82);
    const transit = decodeRequest(middle);
    assert.ok(transit.ok && transit.value.request.command === SEND_MESSAGE);
    assert.equal(transit.value.request.data[0], 0x47);
    const inner = transit.value.request.data.subarray(1);
    assert.equal(inner[0], 0x72);
    assert.equal(checksum(inner.subarray(3)), 0);
    const target = decodeRequest(inner);
    assert.ok(target.ok);
    assert.deepEqual([target.value.request.command, target.value.sequence], [1, 9]);
  });
});

describe('an answer from behind the BMC', () => {
  it('comes by itself, or inside the answer to Send Message, or twice inside', () => {
    const once = passedOn(encodeResponse(status, 5));
    for (const response of [status, once, passedOn(encodeResponse(once, 5))]) {
      const opened = openBridged(response);
      assert.ok(opened.is === 'answer');
      assert.deepEqual([opened.response.command, opened.response.completion], [1, 0]);
    }
  });

  it('"passed on" is no answer yet; a refusal of any hop is one', () => {
    assert.equal(openBridged(passedOn(new Uint8Array(0))).is, 'passed-on');
    assert.equal(openBridged(passedOn(new Uint8Array(0), 0x83)).is, 'refusal');
    const second = passedOn(encodeResponse(passedOn(new Uint8Array(0), 0x83), 5));
    assert.equal(openBridged(second).is, 'refusal');
  });

  it('a thousand answers inside each other are not followed', () => {
    let deep = passedOn(new Uint8Array(0));
    for (let at = 0; at < 1000; at += 1) deep = passedOn(encodeResponse(deep, 1));
    assert.equal(openBridged(deep).is, 'passed-on');
  });

  it('hostile octets never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        assert.ok(['answer', 'refusal', 'passed-on'].includes(openBridged(passedOn(octets)).is));
      }),
    );
  });

  it('refusals have words', () => {
    assert.deepEqual(
      [0x81, 0x82, 0x83, 0xc0, 0x99].map((code) => bridgeTrouble(code).code),
      ['busy', 'busy', 'refused', 'busy', 'refused'],
    );
    assert.match(bridgeTrouble(0xc1).because, /not passed on .* does not know this command/);
  });
});
