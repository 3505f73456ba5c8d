// Address lists (RFC 5322, section 3.4, with the obsolete forms of 4.4) as devices write them: mailboxes, groups,
// display names, comments, routes. What can't be read is marked as such and never guessed at. The list itself stays
// as it is: the result says where in the text each part stands, so that it can be changed there.

import { isDomain, type Mailbox } from '../smtp/address.ts';
import { hasControl } from '../smtp/printable.ts';
import { isAscii, isEncodedWord, textOf } from './encoded-word.ts';
import { contentOf, isClosed, type TokenKind, Tokens } from './tokens.ts';

/** A token: `from` is the place of its first character in the field's text, `to` the one after its last. */
export type Word = { readonly kind: TokenKind; readonly from: number; readonly to: number };

/** An entry of a list, or the name of a group. */
type Listed = {
  /** The display name, token by token; all of it, where no address could be read. */
  readonly phrase: readonly Word[];
  readonly comments: readonly Word[];
  /** The address; its domain is '' when there is none (`root`). Undefined when what stands there is no address. */
  readonly mailbox: Mailbox | undefined;
  /**
   * Where a domain is missing, and what must stand in front of it there: `root` lacks an `@` as well, `root@` does
   * not.
   */
  readonly missing: { readonly at: number; readonly text: '@' | '' } | undefined;
};

/** What a field like To holds. */
export type AddressList = {
  readonly listed: readonly Listed[];
  /** The names of groups. */
  readonly groups: readonly Listed[];
  /** Whether all comments and quoted strings end within the list. */
  readonly isClosed: boolean;
};

// More than any list that a person or a device writes. What is longer is not read, since each token costs an object.
const MOST_TOKENS = 4_000;
// The same for all lists of a message: each of its address fields may be long, but a thousand of them may not.
const MOST_TOKENS_IN_ALL = 12_000;

/** Reads the lists of one message; once they have too many tokens all together, no further list is read. */
export class AddressReader {
  #left = MOST_TOKENS_IN_ALL;

  /** The list in `text`, a field's body with one character an octet; undefined when it has too many tokens. */
  read(text: string): AddressList | undefined {
    const tokens = new Tokens(text);
    const list = new ListReader(text);
    const most = Math.min(MOST_TOKENS, this.#left);
    let count = 0;
    for (let kind = tokens.next(); kind !== 'end'; kind = tokens.next()) {
      if (kind === 'space') continue;
      if (count === most) {
        this.#left -= most;
        return undefined;
      }
      count += 1;
      list.take({ kind, from: tokens.from, to: tokens.to });
    }
    this.#left -= count;
    list.finishEntry();
    return { listed: list.listed, groups: list.groups, isClosed: tokens.isClosed };
  }

  /** Whether the list in `text` has an address with a domain; true also for one that has too many tokens. */
  hasAddress(text: string): boolean {
    const list = this.read(text);
    return list === undefined || list.listed.some(({ mailbox }) => mailbox !== undefined && mailbox.domain !== '');
  }
}

/** An entry that is being read: the words outside its brackets, and those inside when it has any. */
type Entry = { readonly outside: Word[]; inside: Word[] | undefined; isInside: boolean; readonly comments: Word[] };

const isAt = ({ kind }: Word) => kind === '@';
/** Whether what is being read is the way to an address, `@a,@b:` in brackets (RFC 5322, section 4.4). */
const isRoute = ({ isInside, inside }: Entry) => isInside && inside?.[0]?.kind === '@';

class ListReader {
  readonly listed: Listed[] = [];
  readonly groups: Listed[] = [];
  readonly #text: string;
  #entry = newEntry();

  constructor(text: string) {
    this.#text = text;
  }

  take(word: Word): void {
    const entry = this.#entry;
    switch (word.kind) {
      case ',':
        if (!isRoute(entry)) this.finishEntry();
        break;
      case ';': // ends a group; people also write it between addresses
        this.finishEntry();
        break;
      case ':':
        this.#takeColon(word);
        break;
      case '<':
        if (entry.inside !== undefined) this.finishEntry();
        this.#entry.inside = [];
        this.#entry.isInside = true;
        break;
      case '>':
        entry.isInside = false;
        break;
      case 'comment':
        entry.comments.push(word);
        break;
      default:
        this.#add(word);
    }
  }

  finishEntry(): void {
    const { outside, inside, comments } = this.#entry;
    if (outside.length > 0 || inside !== undefined || comments.length > 0) this.listed.push(listedOf(this.#text, this.#entry));
    this.#entry = newEntry();
  }

  #takeColon(word: Word): void {
    const { outside, inside, comments } = this.#entry;
    if (isRoute(this.#entry)) {
      this.#entry.inside = [];
    } else if (inside === undefined && !outside.some(isAt)) {
      this.groups.push({ phrase: outside, comments, mailbox: undefined, missing: undefined });
      this.#entry = newEntry();
    } else {
      this.#add(word);
    }
  }

  #add(word: Word): void {
    const { isInside, inside, outside } = this.#entry;
    (isInside ? (inside ?? []) : outside).push(word);
  }
}

const newEntry = (): Entry => ({ outside: [], inside: undefined, isInside: false, comments: [] });

function listedOf(text: string, { outside, inside, comments }: Entry): Listed {
  const written = readAddress(text, inside ?? outside);
  // A quoted string by itself is a name, without its address.
  const isName = inside === undefined && written?.missing !== undefined && outside.some(({ kind }) => kind === 'quoted');
  const address = isName ? undefined : written;
  const phrase = inside === undefined && address !== undefined ? [] : outside;
  return { phrase, comments, mailbox: address?.mailbox, missing: address?.missing };
}

// Octets, more than RFC 5321, section 4.5.3.1, allows: what is longer is no address, and would not fit where
// addresses go.
const LONGEST_PART = 255;
const LOCAL_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u00ff-]+$/;

/**
 * `local`, `local@` or `local@domain`, where dots may have space around them (RFC 5322, section 4.4); undefined for
 * anything else.
 */
function readAddress(text: string, words: readonly Word[]): (Pick<Listed, 'missing'> & { readonly mailbox: Mailbox }) | undefined {
  const at = words.findIndex(isAt);
  const local = at < 0 ? words : words.slice(0, at);
  const localPart = readLocalPart(text, local);
  const last = at < 0 ? local.at(-1) : words[at];
  if (localPart === undefined || last === undefined) return undefined;
  const written = at < 0 ? [] : words.slice(at + 1);
  if (written.length > 0) {
    const domain = readDomain(text, written);
    return domain === undefined ? undefined : { mailbox: { localPart, domain }, missing: undefined };
  }
  // A word by itself that is beyond ASCII, or encoded, is a name.
  if (!isAscii(localPart) || local.some(({ from, to }) => isEncodedWord(text.slice(from, to)))) return undefined;
  return { mailbox: { localPart, domain: '' }, missing: { at: last.to, text: at < 0 ? '@' : '' } };
}

function readLocalPart(text: string, words: readonly Word[]): string | undefined {
  if (words.length === 0 || !areJoined(text, words)) return undefined;
  let localPart = '';
  for (const { kind, from, to } of words) {
    const token = text.slice(from, to);
    if (kind === 'quoted' && isClosed(token)) localPart += contentOf(token);
    else if (kind === 'atom' && LOCAL_ATOM.test(token)) localPart += token;
    else return undefined;
    if (localPart.length > LONGEST_PART) return undefined;
  }
  const name = decoded(localPart);
  return name === '' || hasControl(name) ? undefined : name;
}

function readDomain(text: string, words: readonly Word[]): string | undefined {
  if (!areJoined(text, words)) return undefined;
  let domain = '';
  for (const { kind, from, to } of words) {
    if (kind !== 'atom' && !(kind === 'literal' && words.length === 1)) return undefined;
    domain += text.slice(from, to);
    if (domain.length > LONGEST_PART) return undefined;
  }
  const name = decoded(domain);
  return isDomain(name) ? name : undefined;
}

/** Whether there is a dot between each word and the next. */
function areJoined(text: string, words: readonly Word[]): boolean {
  return words.every(({ from }, at) => at === 0 || text[from] === '.' || text[(words[at - 1]?.to ?? 0) - 1] === '.');
}

const decoded = (latin1: string) => textOf(Buffer.from(latin1, 'latin1'));

/**
 * The words of a display name, as text: without quotes; tokens that stand together are one word. `phrase` is from
 * the list in `text`.
 */
export function phraseWords(text: string, phrase: readonly Word[]): readonly string[] {
  let name = '';
  let end: number | undefined;
  for (const { kind, from, to } of phrase) {
    const token = text.slice(from, to);
    name += (end === undefined || end === from ? '' : ' ') + (kind === 'quoted' ? contentOf(token) : token);
    end = to;
  }
  return wordsOf(decoded(name));
}

/** The words of a comment in `text`, without its parentheses. */
export const commentWords = (text: string, { from, to }: Word): readonly string[] => wordsOf(decoded(contentOf(text.slice(from, to))));

/**
 * `text` cut at its spaces. Two spaces give an empty word between them, so that joining the words gives the text
 * back.
 */
export function wordsOf(text: string): readonly string[] {
  const plain = text.replace(/[\t\r\n]/g, ' ').trim();
  return plain === '' ? [] : plain.split(' ');
}
