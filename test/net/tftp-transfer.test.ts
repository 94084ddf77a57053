import assert from 'node:assert/strict';
import { PacketCache } from '../../server/net/tftp-packets.ts';
import type { TransferSocketEvents } from '../../server/net/tftp-socket.ts';
import { RunningTransfer } from '../../server/net/tftp-transfer.ts';
import type { TransferReport } from '../../server/ports/boot-files.ts';
import { encodeAck } from '../../server/wire/tftp/packet.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { patterned, TestContent } from './tftp-support.ts';

/** A transfer of two blocks that is at its last; what waits for the sockets to be read waits for the test. */
function atLastBlock() {
  const [clock, reports, unread, sent]: [
    ReturnType<typeof createFakeClock>,
    TransferReport[],
    (() => void)[],
    number[],
  ] = [createFakeClock(), [], [], []];
  const socket: TransferSocketEvents[] = [];
  const order = {
    local: '127.0.0.1',
    client: { address: '127.0.0.2', port: 4711 },
    content: new TestContent(patterned(600)),
    terms: { blksize: 512, windowsize: 1, oack: undefined },
    rollOverTo: 0,
  } as const;
  new RunningTransfer(order, {
    clock,
    packets: new PacketCache(1024 * 1024, clock),
    segmenting: undefined,
    stranger: () => undefined,
    whenRead: (call) => unread.push(call),
    ended: (report) => reports.push(report),
    open: (_, events) => {
      socket.push(events);
      return { send: (packet) => sent.push(packet.length), sendRun: () => false, close: () => undefined };
    },
  });
  const hear = (block: number): void => socket[0]?.received(encodeAck(block));
  const read = (): void => {
    for (const call of unread.splice(0)) call();
  };
  hear(1);
  return { clock, reports, sent, hear, read, portClosed: () => socket[0]?.portClosed() };
}

describe('tftp transfer, in a daemon that is behind with its reading', () => {
  it('sends nothing again for an acknowledgement that came in time and was not read yet', () => {
    const { clock, reports, sent, hear, read } = atLastBlock();
    clock.advance(5000);
    assert.equal(sent.length, 2);
    hear(2);
    read();
    assert.deepEqual([sent.length, reports[0]?.outcome, reports[0]?.retransmits], [2, 'done', 0]);
  });

  it('sends again once it is sure that none has come', () => {
    const { clock, reports, sent, read } = atLastBlock();
    clock.advance(5000);
    read();
    assert.deepEqual([sent.length, reports.length], [3, 0]);
  });

  it('believes the last acknowledgement behind the word that the port is closed', () => {
    const { reports, hear, read, portClosed } = atLastBlock();
    portClosed();
    hear(2);
    read();
    assert.deepEqual(
      reports.map(({ outcome }) => outcome),
      ['done'],
    );
  });

  it('ends at a closed port where nothing more has come', () => {
    const { reports, read, portClosed } = atLastBlock();
    portClosed();
    read();
    assert.deepEqual(
      reports.map(({ outcome }) => outcome),
      ['aborted-by-peer'],
    );
  });
});
