import { connect } from 'node:net';
import { HOST_FIELDS, SPEED_FIELD, defineTransport } from './define.ts';
import { connected, streamLine } from '../edges/stream-line.ts';

/** Octets over TCP as they are: ser2net's raw mode, QEMU's `-serial tcp:`, many console servers. */
export const tcp = defineTransport({
  name: 'tcp',
  summary: 'Raw TCP: ser2net in raw mode, console servers',
  fields: { ...HOST_FIELDS, speed: SPEED_FIELD },
  open: async ({ host, port }, { clock }, signal) => {
    const whom = `${host} port ${port}`;
    const socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: 30_000, noDelay: true });
    await connected(socket, whom, signal);
    return streamLine(socket, { clock, whom });
  },
});
