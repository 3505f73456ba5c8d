// Changes inside an address field: missing domains are added, names beyond ASCII are encoded, several fields become
// one. All else in the field stays byte for byte.

import { domainToASCII } from 'node:url';
import { type AddressList, AddressReader, type Word } from './addresses.ts';
import { encodeText, isAscii, isEncodedWord, LONGEST_LINE, textOf } from './encoded-word.ts';
import { type Field, fieldBody, withBody } from './field.ts';
import { closed, contentOf } from './tokens.ts';

/**
 * `words` in the place of the text `from` up to `to`. There may be a fold in front of each, unless it belongs to
 * the text before it (`isGlued`).
 */
type Edit = { readonly from: number; readonly to: number; readonly words: readonly string[]; readonly isGlued: boolean };

/**
 * The field with `@domain` behind each address that has no domain: `root`, `Door <root>`, `root (Cron Daemon)`, in
 * lists and groups as well. The field itself where there is no such address, or `addresses` does not read the list.
 */
export function completeAddresses(field: Field, domain: string, addresses: AddressReader): Field {
  const text = fieldBody(field);
  const list = addresses.read(text);
  const edits = list?.listed.flatMap(({ missing }): readonly Edit[] =>
    missing === undefined ? [] : [{ from: missing.at, to: missing.at, words: [missing.text + domain], isGlued: true }],
  );
  return list === undefined || edits === undefined || edits.length === 0
    ? field
    : edited(field, text, [...edits, ...encodings(text, list)]);
}

/**
 * Fields of one name as one field, which has the addresses of all: a program that reads only the first would miss
 * some.
 */
export function mergeLists(first: Field, others: readonly Field[], addresses: AddressReader): Field {
  const bodies = [first, ...others].map((field) => closed(withoutLastCommas(fieldBody(field))));
  const text = bodies.map((body, at) => (at === 0 ? body : ` ${body.replace(/^[ \t\r\n]+/, '')}`)).join(',\r\n');
  const list = addresses.read(text);
  return list === undefined ? withBody(first, text) : edited(first, text, encodings(text, list));
}

/**
 * The field with its names and comments in ASCII, and each domain beyond ASCII as IDNA writes it. A local part beyond
 * ASCII stays.
 */
export function asciiNames(field: Field): Field {
  const text = fieldBody(field);
  const list = new AddressReader().read(text);
  return asciiDomains(list === undefined ? field : edited(field, text, encodings(text, list)));
}

function asciiDomains(field: Field): Field {
  const text = fieldBody(field);
  const domain = (latin1: string) => domainToASCII(textOf(Buffer.from(latin1, 'latin1'))) || latin1;
  return withBody(
    field,
    text.replace(/@([^\s<>,;:()"[\]@]+)/g, (whole, name: string) => (isAscii(name) ? whole : `@${domain(name)}`)),
  );
}

function withoutLastCommas(text: string): string {
  let end = text.length;
  while (end > 0 && ', \t\r\n'.includes(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end);
}

/**
 * The edits that make the names and comments in `list` ASCII. Addresses can't be encoded; a list with a quote that
 * is never closed is left alone.
 */
function encodings(text: string, list: AddressList): readonly Edit[] {
  if (!list.isClosed) return [];
  return [...list.listed, ...list.groups].flatMap(({ phrase, comments }) => [
    ...encodedPhrase(text, phrase),
    ...encodedComments(text, comments),
  ]);
}

function encodedPhrase(text: string, phrase: readonly Word[]): readonly Edit[] {
  const words = spacedWords(text, phrase);
  const edits: Edit[] = [];
  for (let at = 0; at < words.length; ) {
    let end = at;
    // Neighbours beyond ASCII are encoded together, so that the space between them is kept; not with a comment
    // between them.
    while (end < words.length && !isPlain(words[end]) && (end === at || isBlank(text.slice(words[end - 1]?.to, words[end]?.from))))
      end += 1;
    const [first, last] = [words[at], words[end - 1]];
    if (end > at && first !== undefined && last !== undefined) {
      const name = words.slice(at, end).map((word) => word.text);
      const before = isEncodedWord(words[at - 1]?.text ?? '') ? ' ' : '';
      const after = isEncodedWord(words[end]?.text ?? '') ? ' ' : '';
      edits.push({ from: first.from, to: last.to, words: encodeText(before + name.join(' ') + after, 0), isGlued: false });
    }
    at = Math.max(end, at + 1);
  }
  return edits;
}

type Spaced = { readonly from: number; readonly to: number; readonly text: string };

const isPlain = (word: Spaced | undefined) => isAscii(word?.text ?? '');

/** The phrase's words with white space or a comment between them: an encoded word must have it on either side. */
function spacedWords(text: string, phrase: readonly Word[]): readonly Spaced[] {
  const words: Spaced[] = [];
  for (const token of phrase) {
    const last = words.at(-1);
    if (last?.to === token.from) words[words.length - 1] = { from: last.from, to: token.to, text: last.text + wordText(text, token) };
    else words.push({ from: token.from, to: token.to, text: wordText(text, token) });
  }
  return words;
}

function encodedComments(text: string, comments: readonly Word[]): readonly Edit[] {
  return comments
    .filter(({ from, to }) => !isAscii(text.slice(from, to)))
    .map((comment) => {
      const words = encodeText(wordText(text, comment), 1);
      return {
        from: comment.from,
        to: comment.to,
        words: [`(${words[0] ?? ''}`, ...words.slice(1)].map((word, at) => (at === words.length - 1 ? `${word})` : word)),
        isGlued: false,
      };
    });
}

const isWhite = (one: string | undefined) => one === ' ' || one === '\t' || one === '\r' || one === '\n';
const isBlank = (text: string) => /^[ \t\r\n]*$/.test(text);

/** The text of a token, without quotes or parentheses. */
function wordText(text: string, { kind, from, to }: Word): string {
  const token = text.slice(from, to);
  return textOf(Buffer.from(kind === 'quoted' || kind === 'comment' ? contentOf(token) : token, 'latin1'));
}

/** `field` with the body `text`, to which the edits were made. */
function edited(field: Field, text: string, edits: readonly Edit[]): Field {
  const body = new BodyWriter(field.name.length + 1);
  let at = 0;
  for (const { from, to, words, isGlued } of [...edits].sort((one, other) => one.from - other.from)) {
    body.add(text.slice(at, from));
    for (const word of words) {
      if (!isGlued && body.column > 1 && body.column + 1 + word.length > LONGEST_LINE) body.fold();
      else if (!isGlued && !body.endsWhite) body.add(' ');
      body.add(word);
    }
    if (!isGlued && to < text.length && !isWhite(text[to])) body.add(' ');
    at = to;
  }
  body.add(text.slice(at));
  return withBody(field, body.text());
}

/** A body that grows piece by piece. The pieces are joined once, since a list may have thousands. */
class BodyWriter {
  readonly #pieces: string[] = [];
  #column: number;

  /** `column`: how many characters stand on the line before the body. */
  constructor(column: number) {
    this.#column = column;
  }

  /** How many characters stand on the last line. */
  get column(): number {
    return this.#column;
  }

  get endsWhite(): boolean {
    return isWhite(this.#pieces.at(-1)?.at(-1));
  }

  add(piece: string): void {
    if (piece === '') return;
    this.#pieces.push(piece);
    const line = piece.lastIndexOf('\n');
    this.#column = line < 0 ? this.#column + piece.length : piece.length - line - 1;
  }

  /** Begins a new line: in front of the space that ends the text, or with one of its own. */
  fold(): void {
    const last = this.#pieces.pop() ?? '';
    this.#pieces.push(last.endsWith(' ') ? last.slice(0, -1) : last);
    this.add('\r\n ');
  }

  text(): string {
    return this.#pieces.join('');
  }
}
