import { strict as assert } from 'node:assert';
import { NO_ADDRESS } from '../../../server/core/address.ts';
import { replyFlags, replyTo } from '../../../server/wire/dhcp/reply-to.ts';
import { ip } from '../../support/dhcp-lab.ts';

const RELAY = ip('10.78.0.1');
const CLIENT = ip('10.77.0.9');
const ALL = ip('255.255.255.255');

describe('wire/dhcp/reply-to', () => {
  const cases = [
    ['A12 a relay gets everything, on port 67', RELAY, NO_ADDRESS, 'OFFER', RELAY, 67],
    ['A12 a relay comes before ciaddr', RELAY, CLIENT, 'ACK', RELAY, 67],
    ['A13 a NAK through a relay goes to it', RELAY, NO_ADDRESS, 'NAK', RELAY, 67],
    ['A12 a client with an address gets unicast', NO_ADDRESS, CLIENT, 'ACK', CLIENT, 68],
    ['A13 a NAK is always broadcast', NO_ADDRESS, CLIENT, 'NAK', ALL, 68],
    ['A11 everybody else is broadcast to', NO_ADDRESS, NO_ADDRESS, 'OFFER', ALL, 68],
  ] as const;
  for (const [title, giaddr, ciaddr, sent, address, port] of cases)
    it(title, () => {
      assert.deepEqual(replyTo({ giaddr, ciaddr }, sent), { address, port });
    });

  it('A13 only a NAK through a relay gets the broadcast bit added', () => {
    assert.equal(replyFlags({ giaddr: RELAY, flags: 1 }, 'NAK'), 0x8001);
    assert.equal(replyFlags({ giaddr: RELAY, flags: 0 }, 'OFFER'), 0);
    assert.equal(replyFlags({ giaddr: NO_ADDRESS, flags: 0 }, 'NAK'), 0);
    assert.equal(replyFlags({ giaddr: NO_ADDRESS, flags: 0x8000 }, 'ACK'), 0x8000);
  });
});
