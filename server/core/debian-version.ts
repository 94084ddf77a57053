/** A version's parts (deb-version(7)): epoch, upstream, revision. */
function partsOf(version: string): readonly [number, string, string] {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? [];
  const dash = rest.lastIndexOf('-');
  return dash < 0 ? [Number(epoch), rest, ''] : [Number(epoch), rest.slice(0, dash), rest.slice(dash + 1)];
}

/** `~` sorts before the end, the end before letters, letters before all else. */
function orderOf(letter: string | undefined): number {
  if (letter === '~') return -1;
  if (letter === undefined || /\d/.test(letter)) return 0;
  const code = letter.charCodeAt(0);
  return /[A-Za-z]/.test(letter) ? code : code + 0x10000;
}

/** Compares runs of non-digits by letter and runs of digits by number, in turns. */
function compareRuns(a: string, b: string): number {
  for (let [i, j] = [0, 0]; i < a.length || j < b.length;) {
    while ((i < a.length && !/\d/.test(a[i] ?? '')) || (j < b.length && !/\d/.test(b[j] ?? ''))) {
      const step = orderOf(a[i]) - orderOf(b[j]);
      if (step !== 0) return step;
      i += 1;
      j += 1;
    }
    const [m, n] = [/^\d*/.exec(a.slice(i))?.[0] ?? '', /^\d*/.exec(b.slice(j))?.[0] ?? ''];
    const [x, y] = [m.replace(/^0+/, ''), n.replace(/^0+/, '')];
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
    i += m.length;
    j += n.length;
  }
  return 0;
}

/**
 * Orders two versions as Debian's tools do (deb-version(7), Debian policy §5.6.12): negative when `a` is older, 0 when
 * they are equal. Also fit for kernel releases such as `6.1.0-56-arm64`.
 */
export function compareDebianVersions(a: string, b: string): number {
  const [x, y] = [partsOf(a), partsOf(b)];
  return Math.sign(x[0] - y[0] || compareRuns(x[1], y[1]) || compareRuns(x[2], y[2]));
}
