// Transcripts of sessions, as text files: one step a line. This reads them; dialog-run.ts runs them.
//
//   # comment                      @ a setting: see dialog-session.ts, and
//                                    lockstep    not all at once: it must wait, such as before STARTTLS
//                                    one-piece   all at once only
//   S: 250 2.1.0 *                 one whole reply; its last line matches (* is anything)
//   S- 250-SIZE *                  the next reply has such a line somewhere
//   C: MAIL FROM:<a@b>             a line, CRLF added     C~ the same, LF added      C. a\r\n.\0  as it is, escapes read
//   C! 2e0d0a                      octets in hexadecimal
//   AGAIN 9                        the two steps before this one nine times more; {#} in them counts
//   LOGGED refused reply=502 ...   the log has a line with these words
//   UNLOGGED sesame                no line of the log holds that text
//   SILENT                         nothing was logged but at debug level
//   TLS                            the handshake, after STARTTLS
//   EOF, RESET                     the device closes its side; the connection breaks
//   WAIT 300                       so many seconds pass
//   CLOSED                         the server has closed the connection
//   KEPT 1                         so many messages are in the store, and no draft is left open
//   = Subject: x                   the last message has this line          =! x    it has no line that matches
//   ONCE From                      the last message has that field just once
//   TO a@b c@d  /  FROM <a@b>      the last message's envelope
//
// In what is sent, {ab*100} stands for a hundred times ab.

import { readFileSync } from 'node:fs';
import type { SeededRandom } from '../fakes/random.ts';

/** How what is sent is cut into packets. */
export type Mode = 'step by step' | 'octet by octet' | 'in random pieces' | 'all at once';
const MODES: readonly Mode[] = ['step by step', 'octet by octet', 'in random pieces', 'all at once'];

export type Step = { readonly line: number; readonly kind: string; readonly text: string };

export type Dialog = { readonly settings: readonly string[]; readonly steps: readonly Step[] };

const STEP = /^(S:|S-|C:|C~|C\.|C!|TLS|EOF|RESET|WAIT|CLOSED|KEPT|ONCE|LOGGED|UNLOGGED|SILENT|AGAIN|=!|=|TO|FROM|@)(?: (.*))?$/;

export function readDialog(path: string): Dialog {
  const settings: string[] = [];
  const steps: Step[] = [];
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((text, at) => {
      if (text.trim() === '' || text.startsWith('#')) return;
      const match = STEP.exec(text);
      if (match === null) throw new Error(`${path}:${at + 1}: ${JSON.stringify(text)} is no step`);
      if (match[1] === '@') settings.push(match[2] ?? '');
      else if (match[1] === 'AGAIN') steps.push(...again(steps.slice(-2), Number(match[2])));
      else steps.push({ line: at + 1, kind: match[1] ?? '', text: match[2] ?? '' });
    });
  return { settings, steps };
}

/** The steps so many times; {#} in them is the time. */
function again(pair: readonly Step[], times: number): readonly Step[] {
  return Array.from({ length: times }, (_, at) =>
    pair.map((step) => ({ ...step, text: step.text.replaceAll('{#}', String(at + 2)) })),
  ).flat();
}

/** The modes that the dialog can run in. */
export function modesOf({ settings }: Dialog): readonly [Mode, ...Mode[]] {
  if (settings.includes('one-piece')) return ['all at once'];
  return settings.includes('lockstep') ? ['step by step', 'octet by octet', 'in random pieces'] : ['step by step', ...MODES.slice(1)];
}

/** Whether the step is the device's to send. */
export const isSending = ({ kind }: Step): boolean => /^C[:~.!]$/.test(kind);

/** What such a step sends. */
export function octetsOf({ kind, text }: Step): Buffer {
  const filled = text.replace(/\{([^{}]+?)\*(\d+)\}/g, (_, what: string, times: string) => what.repeat(Number(times)));
  switch (kind) {
    case 'C:':
      return Buffer.from(`${filled}\r\n`);
    case 'C~':
      return Buffer.from(`${filled}\n`);
    case 'C!':
      return Buffer.from(filled, 'hex');
    default:
      return Buffer.from(filled.replace(/\\([rn0t\\])/g, (_, one: string) => ({ r: '\r', n: '\n', 0: '\0', t: '\t' })[one] ?? one));
  }
}

/** The octets as packets. */
export function* cut(octets: Buffer, mode: Mode, random: SeededRandom): Generator<Buffer> {
  // Long fillers are not cut octet by octet: it would take minutes and show nothing.
  if (mode === 'step by step' || mode === 'all at once' || (mode === 'octet by octet' && octets.length > 3_000)) return yield octets;
  for (let at = 0; at < octets.length; ) {
    const length = mode === 'octet by octet' ? 1 : 1 + random.below(Math.max(20, octets.length / 20));
    yield octets.subarray(at, at + length);
    at += length;
  }
}

/** A step's text as an expression for one line; * is anything. */
export function patternOf(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's');
}

/** The words of a step's text, apart by blanks; what stands between slashes is one. */
export function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/\/([^/]+)\/|(\S+)/g)].map(([, phrase, word]) => phrase ?? word ?? '');
}
