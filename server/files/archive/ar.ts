import { ArchiveError } from './archive-error.ts';
import type { ArchiveSource } from './archive-source.ts';

/** One member of an ar archive: where its octets lie in the file. */
export interface ArMember {
  readonly name: string;
  readonly at: number;
  readonly octets: number;
}

const MAGIC = '!<arch>\n';
const HEADER_OCTETS = 60;
/** A Debian package has three members; whoever has many more is none. */
const MEMBERS_MAX = 100;

/**
 * Lists the members of an ar archive in the common format Debian packages use (deb(5), ar(5)): short names only,
 * members begin at even offsets.
 * @throws ArchiveError `bad-package` for anything else.
 */
export async function listArMembers(source: ArchiveSource): Promise<readonly ArMember[]> {
  const readText = async (at: number, octets: number): Promise<string> =>
    Buffer.from(await source.read(at, octets)).toString('latin1');
  if ((await readText(0, MAGIC.length)) !== MAGIC) throw bad(source.name, 'it is not an ar archive');
  const members: ArMember[] = [];
  for (let at = MAGIC.length; at < source.octets;) {
    const member = memberAt(await readText(at, HEADER_OCTETS), at);
    if (!member) throw bad(source.name, `no member header at offset ${at}`);
    if (member.at + member.octets > source.octets) throw bad(source.name, `"${member.name}" is cut short`);
    if (members.length >= MEMBERS_MAX) throw bad(source.name, `more than ${MEMBERS_MAX} members`);
    members.push(member);
    at = member.at + member.octets + (member.octets % 2);
  }
  return members;
}

function memberAt(header: string, at: number): ArMember | undefined {
  if (header.length < HEADER_OCTETS || header.slice(58) !== '`\n') return undefined;
  const octets = /^(\d{1,10}) *$/.exec(header.slice(48, 58))?.[1];
  if (octets === undefined) return undefined;
  const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
  return { name, at: at + HEADER_OCTETS, octets: Number(octets) };
}

function bad(name: string, why: string): ArchiveError {
  return new ArchiveError('bad-package', `${name} is not a readable Debian package: ${why}; fetch it again`);
}
