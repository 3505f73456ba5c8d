// The lexical tokens of structured fields (RFC 5322, section 3.2): white space, comments, quoted strings, domain
// literals, atoms, and the characters between them. Works on text with one character an octet, so that places in
// it are places in the field. It fails for no text, and is linear: whatever is not closed ends with the text.

/** Dots are part of an atom (RFC 5322's dot-atom), and so is any octet that has no meaning of its own. */
export type TokenKind = 'space' | 'comment' | 'quoted' | 'literal' | 'atom' | '<' | '>' | ',' | ';' | ':' | '@' | 'end';

const SPACE = /[ \t\r\n]+/y;
// An encoded word is one token whatever it holds: devices write commas and colons into it.
const ENCODED_WORD = /=\?[!->@-~]+\?[BbQq]\?[!->@-~]*\?=/y;
const ATOM = /[^ \t\r\n(<>,;:@"[]+/y;

/** Reads a text token by token. One at a time, without an object for each: a list may have thousands. */
export class Tokens {
  readonly #text: string;
  #from = 0;
  #to = 0;
  #isClosed = true;

  /** `text`: one character an octet. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Where the token begins that next() read last. */
  get from(): number {
    return this.#from;
  }

  /** The place after its last character. */
  get to(): number {
    return this.#to;
  }

  /** Whether every comment, quoted string and literal so far was closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Goes on to the next token; `end` when there is none. */
  next(): TokenKind {
    this.#from = this.#to;
    const first = this.#text[this.#from];
    switch (first) {
      case undefined:
        return 'end';
      case '(':
        return this.#close('comment', ')', '(');
      case '"':
        return this.#close('quoted', '"');
      case '[':
        return this.#close('literal', ']');
      case '<':
      case '>':
      case ',':
      case ';':
      case ':':
      case '@':
        this.#to = this.#from + 1;
        return first;
      default:
        if (this.#matches(SPACE)) return 'space';
        if (!this.#matches(ENCODED_WORD)) this.#matches(ATOM);
        return 'atom';
    }
  }

  /** Goes to the end of what `pattern`, a sticky one, matches here, if it does. */
  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#from;
    if (!pattern.test(this.#text)) return false;
    this.#to = pattern.lastIndex;
    return true;
  }

  /**
   * Goes behind the character that closes the token; `opening` begins another one inside it, and a backslash takes
   * the next character with it.
   */
  #close(kind: TokenKind, closing: string, opening?: string): TokenKind {
    const text = this.#text;
    let depth = 1;
    let at = this.#from + 1;
    for (; at < text.length && depth > 0; at++) {
      const one = text[at];
      if (one === '\\') at += 1;
      else if (one === closing) depth -= 1;
      else if (one === opening) depth += 1;
    }
    this.#to = Math.min(at, text.length);
    if (depth > 0) this.#isClosed = false;
    return kind;
  }
}

/** The content of `token`, a comment or quoted string: without its marks, backslashes and folds. */
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
  const tokens = new Tokens(text);
  let from = 0;
  while (tokens.next() !== 'end') from = tokens.from;
  return tokens.isClosed ? undefined : from;
}

/** `text` as a quoted string. */
export const quoted = (text: string): string => `"${text.replace(/(["\\])/g, '\\$1')}"`;

/**
 * What `text` is apart from its comments: each quoted string is a `q`, or gone when it is empty, white space and
 * comments are one space; what is never closed stays as it is. For looking at, not for writing.
 */
export function outline(text: string): string {
  const tokens = new Tokens(text);
  let rest = '';
  for (let kind = tokens.next(); kind !== 'end'; kind = tokens.next()) {
    const token = text.slice(tokens.from, tokens.to);
    if (!tokens.isClosed) rest += token;
    else if (kind === 'space' || kind === 'comment') rest += ' ';
    else if (kind === 'quoted') rest += contentOf(token).trim() === '' ? '' : 'q';
    else rest += token;
  }
  return rest.replace(/ +/g, ' ').trim();
}
