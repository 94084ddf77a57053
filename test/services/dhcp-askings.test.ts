import { strict as assert } from 'node:assert';
import type { FarrierEvent } from '../../server/core/event.ts';
import type { MachineId } from '../../server/core/machine.ts';
import { hearAskings } from '../../server/services/dhcp-askings.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';

describe('who asks by DHCP', () => {
  const clock = createFakeClock();
  let tell: (events: readonly FarrierEvent[]) => void = () => undefined;
  const askings = hearAskings({ clock, events: { subscribe: (listener) => ((tell = listener), () => undefined) } });
  const packet = (machine: MachineId | undefined, received: string): FarrierEvent => ({
    ...sampleEvent(`DHCP ${received}`, { kind: 'dhcp', machine, detail: { received } }),
    id: 1,
  });

  it('is heard by what a client repeats, machine by machine, on the clock given', () => {
    const [one, other] = [sampleMachine(1).id, sampleMachine(2).id];
    for (const received of ['DISCOVER', 'REQUEST', 'INFORM', 'RELEASE', 'DECLINE']) {
      tell([packet(one, received), packet(undefined, received), { ...packet(other, received), kind: 'tftp' }]);
      clock.advance(2000);
    }
    assert.deepEqual(askings.of(one)?.gapsMs, [2000, 2000]);
    assert.equal(askings.of(one)?.heardMs, 4000);
    assert.equal(askings.of(other), undefined);
    for (const id of [one, other]) askings.excuse(id);
    clock.advance(100_000);
    tell([packet(one, 'DISCOVER')]);
    assert.deepEqual(askings.of(one)?.gapsMs, [2000, 2000], 'until then it was silent by our hand');
    assert.equal(askings.of(other), undefined);
  });

  it('of a flood of machines those heard last are remembered', () => {
    const ids = Array.from({ length: 4097 }, (_, n) => sampleMachine(n + 10).id);
    tell(ids.map((id) => packet(id, 'DISCOVER')));
    const known = ids.filter((id) => askings.of(id) !== undefined);
    assert.deepEqual([known.length, known.at(-1)], [4096, ids.at(-1)]);
    assert.equal(askings.of(sampleMachine(1).id), undefined);
  });
});
