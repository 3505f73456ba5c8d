// Every regular expression of the source, found by parsing it, and input that is meant to make one slow:
// text that it matches, with one part of it repeated, and an end that makes the match fail.

import { readdirSync, readFileSync } from 'node:fs';
import { parseAst } from 'vitest/node';
import { type SeededRandom, seededRandom } from './fakes/random.ts';

/** An expression, and where it stands. */
export type Found = { readonly file: string; readonly line: number; readonly pattern: string; readonly flags: string };

/** All literals in the TypeScript files below `folder`, and where a RegExp is made from text instead. */
export function regularExpressions(folder: string): { readonly literals: readonly Found[]; readonly made: readonly string[] } {
  const literals: Found[] = [];
  const made: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))) {
    const text = readFileSync(folder + file, 'utf8');
    visit(parseAst(text, { lang: 'ts' }), (node) => {
      const line = text.slice(0, node.start).split('\n').length;
      if (node.regex !== undefined) literals.push({ file, line, ...node.regex });
      if (node.callee?.name === 'RegExp') made.push(`${file}:${line}`);
    });
  }
  return { literals, made };
}

type Node = {
  readonly start: number;
  readonly regex?: { readonly pattern: string; readonly flags: string };
  readonly callee?: { readonly name?: string };
};

function visit(node: unknown, see: (node: Node) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if ('type' in node && 'start' in node) see(node as unknown as Node);
  for (const part of Object.values(node)) visit(part, see);
}

/** A way to make hostile input of any length. */
export type Attack = { readonly prefix: string; readonly pump: string; readonly suffix: string };

/** The input with `times` repetitions of the pump. */
export const build = ({ prefix, pump, suffix }: Attack, times: number): string => prefix + pump.repeat(times) + suffix;

const LONGEST_PUMP = 3;
// Where the repeated part is taken from a long text.
const MOST_PLACES = 24;

/** Attacks on the expression: each short part of some texts that match it, repeated. */
export function attacksOn({ pattern, flags }: Found, samples: number): readonly Attack[] {
  const found = new Map<string, Attack>();
  for (const text of new Set(['', ...matching(pattern, flags, samples)])) {
    const step = Math.max(1, Math.ceil(text.length / MOST_PLACES));
    for (let at = 0; at <= text.length; at += step) {
      for (let length = 1; length <= LONGEST_PUMP && at + length <= text.length; length++) {
        const pump = text.slice(at, at + length);
        // What follows the pump may be needed, or must be missing.
        for (const suffix of [text.slice(at + length), '\u0001', `${text.slice(at + length)}\u0001`]) {
          const attack = { prefix: text.slice(0, at), pump, suffix };
          found.set(JSON.stringify(attack), attack);
        }
      }
    }
  }
  for (const pump of [' ', 'a', '0', '"', '\\', '<', '(', ',', '.', '\r\n']) found.set(pump, { prefix: '', pump, suffix: '\u0001' });
  return [...found.values()];
}

/** Texts that match, short ones. Lookarounds are left out. */
function matching(pattern: string, flags: string, count: number): readonly string[] {
  const random = seededRandom(1);
  return Array.from({ length: count }, () => sampleOf(pattern, flags, random).slice(0, LONGEST_SAMPLE));
}

const LONGEST_SAMPLE = 80;
// What classes are filled with.
const ALPHABET = [
  ...'aBfZ0259_ \t\r\n"\'\\<>()[]{}@:;,./?!#$%&*+-=^`|~',
  '\u0000',
  '\u0001',
  '\u0080',
  '\u00e9',
  '\u00ff',
  '\u4e00',
  '\u2028',
];

/** One random text that the pattern matches, its lookarounds aside: the pattern is read and written at once. */
function sampleOf(pattern: string, flags: string, random: SeededRandom): string {
  let at = 0;
  const anyOf = (atom: string) => {
    const fitting = new RegExp(`^${atom}$`, flags.replace(/[gy]/g, ''));
    const candidates = ALPHABET.filter((character) => fitting.test(character));
    return candidates[random.below(Math.max(1, candidates.length))] ?? '';
  };
  /** How often the atom that was just read is wanted. */
  const repetitions = (): number => {
    const match = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(pattern.slice(at));
    if (match === null) return 1;
    at += match[0].length;
    const [quantifier, least] = match;
    const floor = least === undefined ? (quantifier.startsWith('+') ? 1 : 0) : Number(least);
    const isFixed = least !== undefined && match[2] === '';
    return isFixed ? floor : floor + random.below(quantifier.startsWith('?') ? 2 : 4);
  };
  const repeated = (write: () => string): string => {
    const from = at;
    let text = write();
    const end = at;
    const count = repetitions();
    const after = at;
    if (count === 0) return '';
    for (let more = 1; more < count; more++) {
      at = from;
      text += write();
    }
    at = Math.max(end, after);
    return text;
  };
  const atom = (): string => {
    const rest = pattern.slice(at);
    const group = /^\((?:\?(?:<?[=!]|:|<\w+>))?/.exec(rest)?.[0];
    if (group !== undefined) {
      at += group.length;
      const text = alternatives();
      at += 1;
      return /[=!]$/.test(group) ? '' : text;
    }
    const one = /^(?:\[(?:[^\]\\]|\\.)*\]|\\u\{[0-9a-f]+\}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[pP]\{[^}]*\}|\\.|.)/isu.exec(rest)?.[0] ?? '';
    at += one.length;
    return one === '^' || one === '$' || one === '\\b' ? '' : one.length === 1 && one !== '.' ? one : anyOf(one);
  };
  const sequence = (): string => {
    let text = '';
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') text += repeated(atom);
    return text;
  };
  const alternatives = (): string => {
    const all = [sequence()];
    while (pattern[at] === '|') {
      at += 1;
      all.push(sequence());
    }
    return all[random.below(all.length)] ?? '';
  };
  return alternatives();
}
