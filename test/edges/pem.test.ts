import { strict as assert } from 'node:assert';
import { generateKeyPairSync } from 'node:crypto';
import { pemBlocks } from '../../server/edges/pem.ts';

describe('PEM through a one-line field', () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  for (const [title, lost] of [
    ['whole', pem],
    ['without line breaks', pem.replace(/\n/g, '')],
    ['with blanks for line breaks', pem.replace(/\n/g, ' ')],
    ['with DOS line breaks', pem.replace(/\n/g, '\r\n')],
  ] as const)
    it(`${title} comes out as it was`, () => {
      assert.deepEqual(pemBlocks(lost), [{ label: 'PRIVATE KEY', pem }]);
    });

  it('several blocks are told apart', () => {
    const two = pemBlocks(`-----BEGIN CERTIFICATE-----QUJD-----END CERTIFICATE-----${pem.replace(/\n/g, '')}`);
    assert.deepEqual(
      two.map(({ label }) => label),
      ['CERTIFICATE', 'PRIVATE KEY'],
    );
  });

  it('what is none gives nothing, however long', () => {
    for (const text of ['', 'no key', '-----BEGIN A-----QUJD-----END B-----', '-----BEGIN A-----'.repeat(5000)])
      assert.deepEqual(pemBlocks(text), []);
  });
});
