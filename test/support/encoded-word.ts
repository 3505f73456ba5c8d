// A decoder of encoded words (RFC 2047), written apart from the encoder that it tests.

/**
 * `text` as a mail program shows it: encoded words decoded, white space between two of them gone. Throws when one
 * splits a character.
 */
export function decodeWords(text: string): string {
  const parts = text.split(/(=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)(?=\s|$)/);
  let shown = '';
  let isAfterWord = false;
  for (const [at, part] of parts.entries()) {
    const isWord: boolean = at % 2 === 1 && (shown === '' || /\s$/.test(parts[at - 1] ?? '') || (parts[at - 1] === '' && isAfterWord));
    if (isWord) shown += decodeWord(part);
    else if (!(isAfterWord && /^\s+$/.test(part) && at + 1 < parts.length)) shown += part;
    if (part !== '' && !/^\s+$/.test(part)) isAfterWord = isWord;
  }
  return shown;
}

function decodeWord(word: string): string {
  const [, charset = '', encoding = '', text = ''] = word.split('?');
  const octets =
    encoding.toUpperCase() === 'B'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        );
  return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(octets);
}
