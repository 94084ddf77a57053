import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate nobody vouches for, as a controller brings it: PEM texts and its SHA-256 in hexadecimal, lower case. */
export interface TlsCertificate {
  readonly key: string;
  readonly cert: string;
  readonly fingerprint: string;
}

/** Makes one for 127.0.0.1 with Debian's `openssl`; nothing of it stays on the disk. */
export async function makeTlsCertificate(): Promise<TlsCertificate> {
  const openssl = promisify(execFile);
  const folder = await mkdtemp(join(tmpdir(), 'farrier-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const name = ['-subj', '/CN=bmc', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await openssl('openssl', ['req', '-x509', ...curve, ...name, '-days', '2', '-keyout', key, '-out', cert]);
    const { stdout } = await openssl('openssl', ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256']);
    const fingerprint = (stdout.split('=')[1] ?? '').trim().replace(/:/g, '').toLowerCase();
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8'), fingerprint };
  } finally {
    await rm(folder, { recursive: true });
  }
}
