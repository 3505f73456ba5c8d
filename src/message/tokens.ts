// The lexical tokens of structured fields (RFC 5322, section 3.2): white space, comments, quoted strings,
// domain literals, atoms, and the characters between them. Works on text with one character an octet, so
// that places in it are places in the field. Total and linear: whatever is not closed ends with the text.

/** An atom's dots are part of it (RFC 5322's dot-atom), and so is any octet that has no meaning of its own. */
export type TokenKind = 'space' | 'comment' | 'quoted' | 'literal' | 'atom' | '<' | '>' | ',' | ';' | ':' | '@' | 'end';

export interface Tokens {
  /** Goes on to the next token. */
  next(): TokenKind;
  /** The token's place: `from` its first character, `to` the one after its last. */
  readonly from: number;
  readonly to: number;
  /** Whether every comment, quoted string and literal so far was closed. */
  readonly isClosed: boolean;
}

const SPACE = /[ \t\r\n]+/y;
// An encoded word is one token whatever it holds: devices write commas and colons into it.
const ENCODED_WORD = /=\?[!->@-~]+\?[BbQq]\?[!->@-~]*\?=/y;
const ATOM = /[^ \t\r\n(<>,;:@"[]+/y;

export function tokensOf(text: string): Tokens {
  let from = 0;
  let to = 0;
  let isClosed = true;

  const matched = (pattern: RegExp): boolean => {
    pattern.lastIndex = from;
    if (!pattern.test(text)) return false;
    to = pattern.lastIndex;
    return true;
  };
  /** To after the character that closes what began at `from`; a backslash takes the next one with it. */
  const close = (closing: string, opening: string | undefined) => {
    let depth = 1;
    for (to = from + 1; to < text.length && depth > 0; to++) {
      const one = text[to];
      if (one === '\\') to += 1;
      else if (one === closing) depth -= 1;
      else if (one === opening) depth += 1;
    }
    to = Math.min(to, text.length);
    if (depth > 0) isClosed = false;
  };

  return {
    next() {
      from = to;
      const first = text[from];
      switch (first) {
        case undefined:
          return 'end';
        case '(':
          close(')', '(');
          return 'comment';
        case '"':
          close('"', undefined);
          return 'quoted';
        case '[':
          close(']', undefined);
          return 'literal';
        case '<':
        case '>':
        case ',':
        case ';':
        case ':':
        case '@':
          to = from + 1;
          return first;
        default:
          if (matched(SPACE)) return 'space';
          if (!matched(ENCODED_WORD)) matched(ATOM);
          return 'atom';
      }
    },
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    get isClosed() {
      return isClosed;
    },
  };
}

/** What a comment or quoted string says: without its marks, backslashes and folds. */
export function contentOf(token: string): string {
  const closing = token.startsWith('(') ? ')' : '"';
  const isClosed = token.length > 1 && token.endsWith(closing);
  return token
    .slice(1, isClosed ? -1 : undefined)
    .replace(/\\([\s\S])/g, '$1')
    .replace(/[\r\n]/g, '');
}

/** Whether all comments, quoted strings and literals in `text` end in it. */
export const isClosed = (text: string): boolean => openEnd(text) === undefined;

/** `text` with what is never closed made a quoted string, so that it swallows nothing that is put behind it. */
export function closed(text: string): string {
  const from = openEnd(text);
  return from === undefined ? text : text.slice(0, from) + quoted(text.slice(from));
}

/** Where what is never closed begins. */
function openEnd(text: string): number | undefined {
  const tokens = tokensOf(text);
  let from = 0;
  while (tokens.next() !== 'end') from = tokens.from;
  return tokens.isClosed ? undefined : from;
}

export const quoted = (text: string): string => `"${text.replace(/(["\\])/g, '\\$1')}"`;

/** The text's bones: no comments, each quoted string a `q`, or gone when it is empty, white space one space; what is never closed as it is. For looking at, not for writing. */
export function outline(text: string): string {
  const tokens = tokensOf(text);
  let bones = '';
  for (let kind = tokens.next(); kind !== 'end'; kind = tokens.next()) {
    const token = text.slice(tokens.from, tokens.to);
    if (!tokens.isClosed) bones += token;
    else if (kind === 'space' || kind === 'comment') bones += ' ';
    else if (kind === 'quoted') bones += contentOf(token).trim() === '' ? '' : 'q';
    else bones += token;
  }
  return bones.replace(/ +/g, ' ').trim();
}
