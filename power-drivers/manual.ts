import { definePowerDriver } from './define.ts';

/**
 * A person presses the button. The driver takes every order and can see nothing: the engine notes the order on the
 * machine's timeline and leaves the state `unknown` until somebody says what they see.
 */
export const manual = definePowerDriver({
  name: 'manual',
  summary: 'A person presses the button and says what they see',
  fields: {
    where: {
      kind: 'text',
      label: 'Where the button is',
      help: 'For whoever is sent there: "rack 3, shelf 2, left".',
      scope: 'machine',
      required: false,
    },
  },
  abilities: ['on', 'off'],
  callTimeoutMs: 1000,
  settleTimeoutMs: 1000,
  open: () => ({
    set: () => Promise.resolve(),
    query: () => Promise.resolve('unknown'),
  }),
});
