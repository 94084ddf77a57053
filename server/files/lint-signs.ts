import { CLIENT_ARCH } from '../core/arch.ts';
import type { Board, BoardSigns } from '../core/board.ts';
import type { BoardRow } from './board-file.ts';
import { error, warning, type Fault } from './lint-fault.ts';

/** Option 93 of every ARM u-boot before 2016 (0x100, in its config_distro_defaults.h): it says "u-boot" and no more. */
const OLD_UBOOT = 256;

/** What is wrong with the signs of one board. `signs: {}` says on purpose that an operator sets it. */
export function faultsOfSigns(board: Board, own: BoardRow): readonly Fault[] {
  const given = Object.values(board.signs).some((each: readonly unknown[]) => each.length > 0);
  if (!given && !own.signs)
    return [warning(['signs'], 'nothing tells this board', 'give it signs, or signs: {} if an operator is to set it')];
  return board.signs.clientArch.flatMap((code) => faultsOfClientArch(board, code));
}

function faultsOfClientArch(board: Board, code: number): readonly Fault[] {
  const path = ['signs', 'clientArch'];
  const known = CLIENT_ARCH[code];
  if (!known && code !== OLD_UBOOT)
    return [warning(path, `no firmware that is known sends ${code} in option 93`, 'look at its packets again')];
  const arch = known?.arch ?? (board.arch === 'armhf' ? 'armhf' : 'arm64');
  // A PC's BIOS says 0 whichever way its processor goes.
  const sameArch = arch === board.arch || (code === 0 && board.arch === 'i386');
  if (!sameArch)
    return [error(path, `option 93 = ${code} is sent by ${arch}, not ${board.arch}`, 'correct one of the two')];
  const loader = known?.loader ?? 'u-boot';
  const family = loader === 'uefi-http' ? ['uefi-http', 'uefi'] : [loader];
  if (board.loaders.some((each) => family.includes(each.loader))) return [];
  return [error(path, `option 93 = ${code} is sent by ${loader}, which is not among its loaders`, `add ${loader}`)];
}

/** Boards that nothing tells apart: a machine with these signs would be a draw. */
export function drawsOf(boards: readonly Board[]): readonly (readonly [Board, Board])[] {
  return boards.flatMap((board, at) =>
    boards.slice(at + 1).flatMap((other) => (isDraw(board, other) ? [[board, other] as const] : [])),
  );
}

function isDraw(a: Board, b: Board): boolean {
  const kinds = kindsOf(a);
  if (kinds.length === 0 || a.extends === b.name || b.extends === a.name) return false;
  return (
    kinds.join() === kindsOf(b).join() &&
    kinds.every((kind) => valuesOf(a, kind).some((each) => valuesOf(b, kind).some((other) => other === each)))
  );
}

const KINDS = [
  'clientArch',
  'vendorClass',
  'systemUuid',
  'oui',
  'smbiosVendor',
  'smbiosProduct',
  'dtCompatible',
] as const;

function kindsOf(board: Board): readonly (keyof BoardSigns)[] {
  return KINDS.filter((kind) => valuesOf(board, kind).length > 0);
}

const valuesOf = (board: Board, kind: keyof BoardSigns): readonly (string | number)[] => board.signs[kind] ?? [];
