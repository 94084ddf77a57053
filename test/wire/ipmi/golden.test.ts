import { strict as assert } from 'node:assert';
import { readAuthCapabilities, readChassisStatus } from '../../../server/wire/ipmi/commands.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../../server/wire/ipmi/message.ts';
import { fromLatin1, latin1 } from '../../../server/wire/ipmi/octets.ts';
import {
  decodeOpenRequest,
  decodeOpenResponse,
  encodeOpenRequest,
  encodeOpenResponse,
} from '../../../server/wire/ipmi/open-session.ts';
import {
  decodeRakp1,
  decodeRakp2Rest,
  decodeRakpReply,
  encodeRakp1,
  encodeRakp2Rest,
  encodeRakpReply,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionKeys,
  type Handshake,
} from '../../../server/wire/ipmi/rakp.ts';
import { decodeRmcp, encodeRmcp, RMCP_CLASS } from '../../../server/wire/ipmi/rmcp.ts';
import { openMessage, plainDatagram, sealMessage, type Channel } from '../../../server/wire/ipmi/secure.ts';
import {
  decodeSessionPacket,
  decodeV15,
  encodeV15,
  isRmcpPlus,
  PAYLOAD,
} from '../../../server/wire/ipmi/session-header.ts';
import { SUITE_17, SUITE_3, type CipherSuite } from '../../../server/wire/ipmi/suite.ts';
import { goldenConversation, toHex, type GoldenDatagram } from '../../support/golden-ipmi.ts';
import { realCrypto } from '../../support/ipmi-crypto.ts';

interface Conversation {
  readonly name: string;
  readonly suite: CipherSuite;
  readonly user: string;
  readonly password: string;
  readonly kg: string | undefined;
}

/** The first two have both sides foreign; in the third only ipmitool's side is. */
const conversations: readonly Conversation[] = [
  {
    name: 'ipmitool-asks-ipmi-sim-suite-3',
    suite: SUITE_3,
    user: 'admin',
    password: 'long-random-word-19',
    kg: undefined,
  },
  {
    name: 'ipmitool-asks-ipmi-sim-suite-3-kg',
    suite: SUITE_3,
    user: 'admin',
    password: 'long-random-word-19',
    kg: 'a-key-k-g',
  },
  {
    name: 'ipmitool-asks-virtual-bmc-suite-17',
    suite: SUITE_17,
    user: 'operator',
    password: 'twenty-octets-long-x',
    kg: undefined,
  },
];

function must<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string }): T {
  assert.ok(result.ok, result.ok ? '' : result.error);
  return result.value;
}

function bodyOf({ octets }: GoldenDatagram): Uint8Array {
  const { messageClass, body } = must(decodeRmcp(octets));
  assert.equal(messageClass, RMCP_CLASS.ipmi);
  return body;
}

for (const { name, suite, user, password, kg } of conversations)
  describe(`golden: ${name}`, () => {
    const all = goldenConversation(name);
    const plus = all.filter((each) => isRmcpPlus(bodyOf(each)));
    const payload = (type: number): Uint8Array => {
      const found = plus
        .map((each) => must(decodeSessionPacket(bodyOf(each), 0)))
        .find((packet) => packet.payloadType === type);
      assert.ok(found, `payload type ${type}`);
      return found.payload;
    };
    const rakp1 = must(decodeRakp1(payload(PAYLOAD.rakp1)));
    const rakp2 = must(decodeRakpReply(payload(PAYLOAD.rakp2)));
    const rest = must(decodeRakp2Rest(rakp2.rest, suite));
    const rakp3 = must(decodeRakpReply(payload(PAYLOAD.rakp3)));
    const rakp4 = must(decodeRakpReply(payload(PAYLOAD.rakp4)));
    const handshake: Handshake = {
      suite,
      consoleId: rakp2.sessionId,
      bmcId: rakp1.bmcId,
      consoleRandom: rakp1.consoleRandom,
      bmcRandom: rest.bmcRandom,
      bmcGuid: rest.bmcGuid,
      role: rakp1.role,
      user: rakp1.user,
    };
    const keys = sessionKeys(realCrypto, handshake, latin1(kg ?? password));
    const channel: Channel = { crypto: realCrypto, suite, keys };

    it('capabilities are asked and told in IPMI 1.5 form', () => {
      const [question, answer] = all;
      assert.ok(question && answer);
      const request = must(decodeRequest(must(decodeV15(bodyOf(question)))));
      assert.equal(request.request.command, 0x38);
      const { response } = must(decodeResponse(must(decodeV15(bodyOf(answer)))));
      const told = must(readAuthCapabilities(response.data));
      assert.equal(told.speaksV2, true);
    });

    it('the open session agrees on the suite', () => {
      const request = must(decodeOpenRequest(payload(PAYLOAD.openRequest)));
      assert.equal(request.suite, suite);
      const response = must(decodeOpenResponse(payload(PAYLOAD.openResponse)));
      assert.ok(response.bmcId !== undefined);
      assert.equal(response.suite, suite);
      assert.equal(response.consoleId, request.consoleId);
      assert.equal(response.bmcId, rakp1.bmcId);
    });

    it('the user name and the proofs of both sides are what we compute', () => {
      assert.equal(fromLatin1(rakp1.user), user);
      assert.equal(toHex(rakp2Code(realCrypto, handshake, latin1(password))), toHex(rest.code));
      assert.equal(toHex(rakp3Code(realCrypto, handshake, latin1(password))), toHex(rakp3.rest));
      assert.equal(toHex(rakp4Code(realCrypto, handshake, keys.sik)), toHex(rakp4.rest));
    });

    it('one octet of the password changed and nothing fits', () => {
      const wrong = latin1(`X${password.slice(1)}`);
      assert.notEqual(toHex(rakp2Code(realCrypto, handshake, wrong)), toHex(rest.code));
      assert.notEqual(toHex(rakp3Code(realCrypto, handshake, wrong)), toHex(rakp3.rest));
    });

    it('every packet of the session opens, to the last one', () => {
      const inside = plus.filter((each) => (bodyOf(each)[1] ?? 0) >> 6 === 3);
      assert.ok(inside.length >= 6);
      const commands = inside.map((each) => {
        const packet = must(decodeSessionPacket(bodyOf(each), suite.integrityOctets));
        assert.equal(packet.sessionId, each.toBmc ? handshake.bmcId : handshake.consoleId);
        const message = must(openMessage(channel, packet));
        return each.toBmc
          ? must(decodeRequest(message)).request.command
          : must(decodeResponse(message)).response.command;
      });
      assert.deepEqual(commands.slice(0, 2), [0x3b, 0x3b], 'privilege first');
      assert.ok(commands.includes(0x01), 'chassis status');
      assert.deepEqual(commands.slice(-2), [0x3c, 0x3c], 'and goodbye');
    });

    it('the answer to the question is in there: off', () => {
      const answers = plus
        .filter((each) => !each.toBmc && (bodyOf(each)[1] ?? 0) >> 6 === 3)
        .map((each) => must(openMessage(channel, must(decodeSessionPacket(bodyOf(each), suite.integrityOctets)))))
        .map((message) => must(decodeResponse(message)).response)
        .filter((response) => response.netFn === 1 && response.command === 1);
      assert.ok(answers[0]);
      assert.equal(must(readChassisStatus(answers[0].data)).on, false);
    });

    it('what we encode is octet for octet what was captured', () => {
      for (const each of all) {
        const body = bodyOf(each);
        if (!isRmcpPlus(body)) {
          const message = must(decodeV15(body));
          const again = each.toBmc
            ? must(decodeRequest(message))
            : { request: undefined, ...must(decodeResponse(message)) };
          // ipmitool's own address differs from ours in nothing: software id 0x81.
          const encoded = 'response' in again ? encodeResponse(again.response, again.sequence) : undefined;
          const wrapped = encoded ?? (again.request ? encodeRequest(again.request, again.sequence) : message);
          assert.equal(toHex(encodeRmcp(RMCP_CLASS.ipmi, encodeV15(wrapped))), toHex(each.octets));
          continue;
        }
        const {
          payloadType,
          payload: octets,
          encrypted,
        } = must(decodeSessionPacket(body, (body[1] ?? 0) >> 6 === 3 ? suite.integrityOctets : 0));
        if (!encrypted) assert.equal(toHex(plainDatagram(payloadType, octets)), toHex(each.octets));
      }
    });

    it('handshake messages come out of our encoders as they went in', () => {
      assert.equal(toHex(encodeRakp1(rakp1)), toHex(payload(PAYLOAD.rakp1)));
      assert.equal(toHex(encodeRakpReply({ ...rakp2, rest: encodeRakp2Rest(rest) })), toHex(payload(PAYLOAD.rakp2)));
      assert.equal(toHex(encodeRakpReply(rakp3)), toHex(payload(PAYLOAD.rakp3)));
      assert.equal(toHex(encodeRakpReply(rakp4)), toHex(payload(PAYLOAD.rakp4)));
      const request = must(decodeOpenRequest(payload(PAYLOAD.openRequest)));
      assert.equal(toHex(encodeOpenRequest({ ...request, suite })), toHex(payload(PAYLOAD.openRequest)));
      const answer = must(decodeOpenResponse(payload(PAYLOAD.openResponse)));
      assert.ok(answer.bmcId !== undefined);
      const privilege = payload(PAYLOAD.openResponse)[2] ?? 0;
      const { tag, consoleId, bmcId } = answer;
      assert.equal(
        toHex(encodeOpenResponse(tag, { consoleId, bmcId }, privilege, suite)),
        toHex(payload(PAYLOAD.openResponse)),
      );
    });

    it('a packet sealed with the captured vector is the captured packet', () => {
      for (const each of plus.filter((one) => (bodyOf(one)[1] ?? 0) >> 6 === 3)) {
        const packet = must(decodeSessionPacket(bodyOf(each), suite.integrityOctets));
        const message = must(openMessage(channel, packet));
        const again = { ...channel, crypto: { ...realCrypto, random: () => packet.payload.subarray(0, 16) } };
        assert.equal(toHex(sealMessage(again, packet.sessionId, packet.sequence, message)), toHex(each.octets));
      }
    });
  });
