import { open } from 'node:fs/promises';
import { BuildError } from './build-error.ts';

/** One member of an ar archive: where its octets lie in the file. */
export interface ArMember {
  readonly name: string;
  readonly at: number;
  readonly octets: number;
}

const MAGIC = '!<arch>\n';
const HEADER_OCTETS = 60;

/**
 * Lists the members of an ar archive in the common format Debian packages use (deb(5), ar(5)): short names only,
 * members begin at even offsets.
 * @throws BuildError `bad-package` for anything else.
 */
export async function listArMembers(path: string): Promise<readonly ArMember[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const readText = async (at: number, octets: number): Promise<string> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(octets), 0, octets, at);
      return buffer.toString('latin1', 0, bytesRead);
    };
    if ((await readText(0, MAGIC.length)) !== MAGIC) throw bad(path, 'it is not an ar archive');
    const members: ArMember[] = [];
    for (let at = MAGIC.length; at < size;) {
      const member = memberAt(await readText(at, HEADER_OCTETS), at);
      if (!member) throw bad(path, `no member header at offset ${at}`);
      if (member.at + member.octets > size) throw bad(path, `"${member.name}" is cut short`);
      members.push(member);
      at = member.at + member.octets + (member.octets % 2);
    }
    return members;
  } finally {
    await file.close();
  }
}

function memberAt(header: string, at: number): ArMember | undefined {
  if (header.length < HEADER_OCTETS || header.slice(58) !== '`\n') return undefined;
  const octets = /^(\d{1,10}) *$/.exec(header.slice(48, 58))?.[1];
  if (octets === undefined) return undefined;
  const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
  return { name, at: at + HEADER_OCTETS, octets: Number(octets) };
}

function bad(path: string, why: string): BuildError {
  return new BuildError('bad-package', `${path} is not a readable Debian package: ${why}; delete it and build again`);
}
