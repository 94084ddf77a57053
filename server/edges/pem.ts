/** One block of a PEM text, with its own line breaks again. */
export interface PemBlock {
  /** What stands behind BEGIN: `CERTIFICATE`, `EC PRIVATE KEY`. */
  readonly label: string;
  readonly pem: string;
}

/**
 * The blocks of a PEM text (RFC 7468) that came through a one-line field: line breaks lost, or blanks in their place.
 */
export function pemBlocks(text: string): readonly PemBlock[] {
  const found = text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g);
  return [...found].map(([, label = '', body = '']) => {
    const lines = body.replace(/\s/g, '').match(/.{1,64}/g) ?? [];
    return { label, pem: [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n') };
  });
}
