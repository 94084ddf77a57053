#!/usr/bin/env node
// What ipmi_sim calls to switch a board of the rack: `BOARD 0x20 get power`, `BOARD 0x20 set power 1` … Started
// through a link that bears the board's name and lies beside the rack's socket, it passes the words on and prints
// the answer.
'use strict';
const net = require('node:net');
const path = require('node:path');

const [, self, , ...words] = process.argv;
const socket = net.connect(path.join(path.dirname(self), 'rack.sock'));
let answer = '';
socket.setEncoding('utf8');
socket.on('data', (more) => {
  answer += more;
});
socket.on('end', () => {
  process.stdout.write(answer);
  process.exitCode = answer.startsWith('error:') ? 1 : 0;
});
socket.on('error', (cause) => {
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = 1;
});
socket.end(`${JSON.stringify([path.basename(self), ...words])}\n`);
