import { strict as assert } from 'node:assert';
import { kernelAges } from '../../server/core/kernel-age.ts';
import { sampleBundle, sampleFacts, sampleMachine } from '../support/samples.ts';

const running = (kernel: string | undefined) => ({ ...sampleFacts, kernel });

describe('kernels that are behind', () => {
  const bundles = [
    sampleBundle('debian', { version: '50' }),
    sampleBundle('debian', { version: '56' }),
    sampleBundle('pc', { arch: 'amd64' }),
    sampleBundle('agent', { role: 'agent', version: '99' }),
  ];
  const releases = new Map([
    ['debian@50', '6.1.0-50-arm64'],
    ['debian@56', '6.1.0-56-arm64'],
    ['pc@1', '6.12.0-1-amd64'],
    ['agent@99', '7.0.0-arm64'],
  ]);
  const machines = [
    sampleMachine(1, { facts: running('6.1.0-56-arm64') }),
    sampleMachine(2, { facts: running('6.1.0-9-arm64') }),
    sampleMachine(3),
    sampleMachine(4, { state: 'new', facts: running('5.10.0') }),
    sampleMachine(5, { arch: 'amd64', facts: running('6.1.0') }),
    sampleMachine(6, { arch: 'riscv64', facts: running('6.1.0') }),
  ];

  it('are told first, beside the newest bundle of their architecture; candidates are left out', () => {
    const ages = kernelAges(machines, bundles, releases);
    assert.deepEqual(
      ages.map(({ machine, verdict, newest }) => [machine, verdict, newest?.bundle]),
      [
        ['board-02', 'older', 'debian@56'],
        ['board-05', 'older', 'pc@1'],
        ['board-03', 'unknown', undefined],
        ['board-06', 'unknown', undefined],
        ['board-01', 'current', 'debian@56'],
      ],
    );
  });

  it('without bundles nobody is behind', () => {
    assert.ok(kernelAges(machines, [], releases).every(({ verdict }) => verdict === 'unknown'));
  });
});
