import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openVault, rotateKey } from '../../server/files/vault.ts';
import { VaultError } from '../../server/ports/vault.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';

const rng = { octets: (count: number): Uint8Array => randomBytes(count) };
const CANARY = 'canary-Kq7!xv-1b2c3d';

const says =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof VaultError && words.test(error.message) && !error.message.includes(CANARY);

describe('vault', () => {
  let folder: string;
  let keyFile: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-vault-'));
    keyFile = join(folder, 'keys', 'vault.key');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const open = () => openVault({ keyFile, sealedRowsExist: false, rng });

  it('opens what it sealed, for any text and context, and never seals twice alike', () => {
    const vault = open();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
        const sealed = vault.seal(plain, context);
        assert.equal(vault.open(sealed, context), plain);
        assert.notEqual(vault.seal(plain, context), sealed);
      }),
    );
  });

  it('makes the key file for its owner only, and finds it again', () => {
    const sealed = open().seal(CANARY, 'm-1 password');
    assert.equal(statSync(keyFile).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'keys')).mode & 0o777, 0o700);
    const again = openVault({ keyFile, sealedRowsExist: true, sample: { sealed, context: 'm-1 password' }, rng });
    assert.equal(again.open(sealed, 'm-1 password'), CANARY);
  });

  it('a value moved to another row does not open', () => {
    const vault = open();
    const [a, b] = [vault.seal(CANARY, 'm-1 password'), vault.seal('other', 'm-2 password')];
    assert.throws(() => vault.open(a, 'm-2 password'), says(/moved from another row/));
    assert.throws(() => vault.open(b, 'm-1 password'), says(/moved from another row/));
  });

  it('any changed octet is noticed', () => {
    const vault = open();
    const sealed = vault.seal(CANARY, 'x');
    fc.assert(
      fc.property(
        fc.nat(Buffer.from(sealed.slice(3), 'base64url').length - 1),
        fc.integer({ min: 1, max: 255 }),
        (at, by) => {
          const octets = Buffer.from(sealed.slice(3), 'base64url');
          octets.writeUInt8(octets.readUInt8(at) ^ by, at);
          assert.throws(() => vault.open(`v1.${octets.toString('base64url')}`, 'x'), VaultError);
        },
      ),
    );
    for (const text of ['', 'v1.', 'v2.AAAA', `${sealed}.x`, sealed.slice(0, 20)])
      assert.throws(() => vault.open(text, 'x'), says(/damaged/));
  });

  for (const mode of [0o640, 0o604, 0o660])
    it(`refuses a key file of mode ${mode.toString(8)}, and says how to mend it`, () => {
      open();
      chmodSync(keyFile, mode);
      assert.throws(open, says(/chmod 600/));
    });

  it('refuses to start over when sealed rows exist and the key is gone', () => {
    assert.throws(() => openVault({ keyFile, sealedRowsExist: true, rng }), says(/is gone/));
    assert.ok(!existsSync(keyFile), 'no new key was made');
  });

  it('refuses the wrong key and leaves it as it is', () => {
    const sample = { sealed: open().seal(CANARY, 'x'), context: 'x' };
    const other = `${'ab'.repeat(32)}\n`;
    writeFileSync(keyFile, other);
    assert.throws(() => openVault({ keyFile, sealedRowsExist: true, sample, rng }), says(/not the one/));
    assert.equal(readFileSync(keyFile, 'utf8'), other);
  });

  for (const text of ['', 'short', `${'ab'.repeat(32)}\nrubbish`])
    it(`refuses a key file that holds ${JSON.stringify(text.slice(-8))}`, () => {
      open();
      writeFileSync(keyFile, text);
      assert.throws(open, says(/does not hold a key/));
    });

  it('rotation seals every value anew, and the old key opens none of them', async () => {
    const rows = ['a', 'b'].map((context) => ({ context, sealed: open().seal(CANARY + context, context) }));
    const oldKey = readFileSync(keyFile);
    const stored = new Map<string, string>();
    const vault = await rotateKey({ keyFile, rng }, rows, (row, sealed) => {
      stored.set(row.context, sealed);
      return Promise.resolve();
    });
    for (const { context } of rows) {
      assert.equal(vault.open(stored.get(context) ?? '', context), CANARY + context);
      assert.equal(open().open(stored.get(context) ?? '', context), CANARY + context);
    }
    writeFileSync(keyFile, oldKey);
    assert.throws(() => open().open(stored.get('a') ?? '', 'a'), VaultError);
  });

  it('a rotation that dies half way leaves both halves readable, and can be done again', async () => {
    const rows = ['a', 'b'].map((context) => ({ context, sealed: open().seal(CANARY, context) }));
    const stored = new Map(rows.map((row) => [row.context, row.sealed]));
    const dying = rotateKey({ keyFile, rng }, rows, (row, sealed) => {
      if (row.context === 'b') return Promise.reject(new Error('power cut'));
      stored.set(row.context, sealed);
      return Promise.resolve();
    });
    await assert.rejects(dying, /power cut/);
    const half = open();
    for (const [context, sealed] of stored) assert.equal(half.open(sealed, context), CANARY);
    const left = [...stored].map(([context, sealed]) => ({ context, sealed }));
    await rotateKey({ keyFile, rng }, left, () => Promise.resolve());
    assert.equal(readFileSync(keyFile, 'utf8').trim().split('\n').length, 1);
  });

  it('a rotation with a value that does not open changes nothing', async () => {
    open();
    const before = readFileSync(keyFile, 'utf8');
    const bad = [{ sealed: 'v1.rubbish', context: 'x' }];
    await assert.rejects(
      rotateKey({ keyFile, rng }, bad, () => Promise.resolve()),
      VaultError,
    );
    assert.equal(readFileSync(keyFile, 'utf8'), before);
  });

  it('a canary password is in no file of the data folder', async () => {
    const dataDir = join(folder, 'data');
    const store = await openStore({
      file: join(dataDir, 'farrier.db'),
      clock: createFakeClock(),
      log: createQuietLog(),
    });
    const vault = open();
    const machine = await store.machines.add(sampleMachine(1), []);
    await store.secrets.put(machine.id, 'password', vault.seal(CANARY, `${machine.id} password`));
    await store.events.append([sampleEvent('findable-marker')]);
    const holds = (text: string): readonly string[] =>
      readdirSync(dataDir).filter((name) => readFileSync(join(dataDir, name)).includes(text));
    assert.deepEqual(holds('findable-marker'), ['farrier.db-wal'], 'the search finds what is there');
    assert.deepEqual(holds(CANARY), []);
    await store.close();
    assert.deepEqual(holds('findable-marker'), ['farrier.db']);
    assert.deepEqual(holds(CANARY), []);
  });
});
