import { hexOf } from '../core/address.ts';

/** A text that may be shown is bounded and on one line. */
const TEXT_MAX = 400;

/** Takes secrets out of a text that comes from a driver or a device, in every spelling they commonly appear in. */
export type Redact = (text: string) => string;

/** A redactor for these values. The text is also freed of control characters and cut at 400 characters. */
export function createRedact(secrets: Iterable<string>): Redact {
  const spellings = [...secrets].filter((secret) => secret !== '').flatMap(spellingsOf);
  // Longest first: a secret that contains another must not leave its own ends behind.
  const ordered = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return (text) => {
    const clean = ordered.reduce((rest, secret) => rest.replaceAll(secret, '(secret)'), text);
    const line = clean.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
    return line.length > TEXT_MAX ? `${line.slice(0, TEXT_MAX)} …` : line;
  };
}

/** A secret as it may stand in a text: itself, in JSON and in a URI, and where it is long enough in hexadecimal and base64. */
export function spellingsOf(secret: string): readonly string[] {
  const encoded = new TextEncoder().encode(secret);
  const octets = [...encoded];
  const hex = hexOf(encoded);
  const base64 = btoa(String.fromCharCode(...octets)).replace(/=+$/, '');
  const json = JSON.stringify(secret).slice(1, -1);
  // A hexadecimal or base64 spelling of very few characters would hit innocent words.
  const coded = secret.length >= 4 ? [hex, hex.toUpperCase(), base64] : [];
  // Half a surrogate pair has no URI spelling; decoding what was encoded replaces it.
  const uri = encodeURIComponent(new TextDecoder().decode(encoded));
  return [secret, json, uri, ...coded];
}
