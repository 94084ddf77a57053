import { strict as assert } from 'node:assert';
import { isSshKey, sshFingerprint } from '../../server/edges/ssh-key.ts';

/** The key of the empty octets: SHA-256 as FIPS 180-4 has it, in base64. */
const PRINT = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';

describe('the fingerprint of a host key', () => {
  it('is what ssh-keygen says of it', () => {
    assert.equal(sshFingerprint(new Uint8Array()), PRINT);
  });

  it('is recognised with padding and without, and no other is', () => {
    for (const entered of [PRINT, `${PRINT}=`]) assert.ok(isSshKey(new Uint8Array(), entered));
    for (const other of [PRINT.slice(0, -1), PRINT.toLowerCase(), ''])
      assert.equal(isSshKey(new Uint8Array(), other), false);
    assert.equal(isSshKey(Uint8Array.of(0), PRINT), false);
  });
});
