// The argument of MAIL and RCPT (RFC 5321, sections 4.1.1.2 and 4.1.1.3): the path, and the words that follow it. What
// devices get wrong and what can mean one address only is accepted; nothing else is guessed. A path that can't be read
// is a value as well, since it does no harm where the owner's address takes its place.

import { type Mailbox, type MalformedPath, parseMailbox, type ReversePath } from './address.ts';
import { isParameter } from './parameters.ts';

/**
 * A path that names no mailbox, and why; `no-path`: there is nothing that looks like a path. Of its text only the
 * length in octets is kept: it may be a password.
 */
export type UnreadablePath = { readonly unreadable: MalformedPath | 'no-path'; readonly octets: number };

/** The path, null for `<>`, and the words after it, which should be parameters. */
type Argument = { readonly path: ReversePath | UnreadablePath; readonly words: readonly string[] };

const KEYWORDS = {
  FROM: /^FROM(?:[ \t]*:[ \t]*|[ \t]+|(?=<))/i,
  TO: /^TO(?:[ \t]*:[ \t]*|[ \t]+|(?=<))/i,
} as const;

// Inside brackets a quoted string may hold anything, blanks and brackets included.
const BRACKETED = /^<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>[,;]?(?=[ \t]|$)/s;
// A display name before the path, as in a header field, and either of them in brackets once more. A name with `@` in it
// may be another address.
const NAMED = /^<?(?:"(?:[^"\\]|\\.)*"|[^"<>@,;:=])*<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>>?[,;]?(?=[ \t]|$)/s;
const UNCLOSED = /^<([^"<>@,;: \t]+@[^"<>@,;: \t]+)(?=[ \t]|$)/;
// Without brackets (LSI MegaRAID controllers), or with the closing one alone, the path ends at the first space.
const BARE = /^((?:"(?:[^"\\]|\\.)*"|[^"<> \t])+?)>?[,;]?(?=[ \t]|$)/s;

/** Reads what follows MAIL or RCPT; undefined when the keyword is missing. */
export function parseArgument(keyword: 'FROM' | 'TO', argument: string): Argument | undefined {
  const start = KEYWORDS[keyword].exec(argument);
  if (start === null) return undefined;
  const rest = argument.slice(start[0].length);
  const bracketed = BRACKETED.exec(rest) ?? NAMED.exec(rest) ?? UNCLOSED.exec(rest);
  const found = bracketed ?? BARE.exec(rest);
  if (found === null) return { path: { unreadable: 'no-path', octets: Buffer.byteLength(rest) }, words: parametersAtEnd(rest) };
  const words = wordsOf(rest.slice(found[0].length));
  const text = (found[1] ?? '').trim();
  const octets = Buffer.byteLength(text);
  if (bracketed !== null) {
    if (words.some((word) => /^[^=]*[<@]/.test(word))) return { path: { unreadable: 'several', octets }, words: [] };
    if (text === '') return { path: null, words };
  } else if (!words.every(isParameter)) {
    return { path: { unreadable: 'syntax', octets: Buffer.byteLength(rest) }, words: parametersAtEnd(rest) };
  }
  const path: Mailbox | MalformedPath = parseMailbox(text, { utf8: true });
  return { path: typeof path === 'string' ? { unreadable: path, octets } : path, words };
}

const wordsOf = (text: string): readonly string[] => text.split(/[ \t]+/).filter((word) => word !== '');

/** The last words that are parameters, each with a value. */
function parametersAtEnd(text: string): readonly string[] {
  const words = wordsOf(text);
  const last = words.findLastIndex((word) => !word.includes('=') || !isParameter(word));
  return words.slice(last + 1);
}
