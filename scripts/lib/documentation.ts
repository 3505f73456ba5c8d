// What the check of the documentation finds in a folder of sources: docstrings that are missing, and lines of comments
// that are too long. Code is Biome's to break, all but the strings.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportsOf } from './exports.ts';

/** What needs none, as `file name`: replies, since their text says what they are, and the `run` of a command. */
const NEEDS_NONE = [/^server\/replies\.ts /, /^commands\/[\w-]+\.ts run$/];
const LONGEST_COMMENT_LINE = 120;

/** Whether a docstring ends just before `at`; comments for the linter may stand between. */
function isDocumented(text: string, at: number): boolean {
  const before = text.slice(0, at).replace(/(\s*\/\/[^\n]*\n)*\s*$/, '');
  return before.endsWith('*/') && before.startsWith('/**', before.lastIndexOf('/*'));
}

/** Comments that are too long, as `line what`. */
function* longLines(text: string): Iterable<string> {
  for (const [index, line] of text.split('\n').entries()) {
    const isComment = /^\s*(\/\/|\/\*|\*)/.test(line);
    if (isComment && line.length > LONGEST_COMMENT_LINE) yield `${index + 1} ${line.length} columns, ${LONGEST_COMMENT_LINE} at most`;
  }
}

/** What is missing in `folder`, a line each, and how much of each kind is documented. */
export function checkDocs(folder: string, parts: readonly string[]): { readonly misses: readonly string[]; readonly shares: string } {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /(?<!\.d)\.ts$/.test(name));
  const sources = files.sort().map((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    return { file, text, found: exportsOf(text) };
  });
  const documented = new Set(
    sources.flatMap(({ text, found }) => found.filter(({ at }) => isDocumented(text, at)).map(({ name }) => name)),
  );
  const counts = { functions: [0, 0], types: [0, 0], methods: [0, 0] };
  const misses: string[] = [];
  for (const { file, text, found } of sources.filter(({ file }) => parts.length === 0 || parts.some((part) => file.startsWith(part)))) {
    for (const { kind, name, at, inherits } of found.filter(({ name }) => !NEEDS_NONE.some((one) => one.test(`${file} ${name}`)))) {
      const method = name.slice(name.indexOf('.'));
      const isFine = isDocumented(text, at) || inherits.some((one) => one === '*' || documented.has(`${one}${method}`));
      counts[kind] = [(counts[kind][0] ?? 0) + Number(isFine), (counts[kind][1] ?? 0) + 1];
      if (!isFine) misses.push(`${file}:${text.slice(0, at).split('\n').length} ${name} has no docstring`);
    }
    for (const line of longLines(text)) misses.push(`${file}:${line}`);
  }
  return {
    misses,
    shares: Object.entries(counts)
      .map(([kind, [some, all]]) => `${some} of ${all} ${kind}`)
      .join(', '),
  };
}
