// What the check of the documentation finds, on small sources.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDocs } from '../../scripts/lib/documentation.ts';
import { temporaryFolder } from '../support/folders.ts';

function missesOf(files: Readonly<Record<string, string>>, ...parts: readonly string[]): readonly string[] {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return checkDocs(folder, parts).misses;
}

test.each([
  ['a function', 'export function f(): void {}', ['f']],
  ['a constant that is a function', 'export const f = () => 1;', ['f']],
  ['a constant that is none', 'export const f = 1;', []],
  ['what is not exported', 'function f(): void {}', []],
  ['a docstring', '/** Does it. */\nexport function f(): void {}', []],
  ['a docstring before a comment for the linter', '/** Does it. */\n// biome-ignore x: y\nexport function f(): void {}', []],
  ['a comment that is no docstring', '// Does it.\nexport function f(): void {}', ['f']],
  ['a docstring of something else', '/** Does it. */\nconst a = 1;\nexport const f = () => a;', ['f']],
  ['a type and its methods', 'export type T = { f(): void; readonly g: () => void; readonly h: number };', ['T', 'T.f', 'T.g']],
  ['an interface', '/** One. */\nexport interface I {\n  /** Does it. */\n  f(): void;\n  g(): void;\n}', ['I.g']],
  ['a class', '/** One. */\nexport class C { constructor() {} #p() {} private q() {} f() {} g = () => 1; h = 1; }', ['C.f', 'C.g']],
  ['a method that overrides', '/** One. */\nexport class C extends B { override f() {} }', []],
])('%s', (_, text, names) => {
  expect(missesOf({ 'a.ts': text }).map((miss) => miss.split(' ')[1])).toEqual(names);
});

test('a class inherits the documentation of its interface, of another file', () => {
  const contract = '/** One. */\nexport interface I {\n  /** Does it. */\n  f(): void;\n}';
  const text = '/** One. */\nexport class C implements I { f() {} g() {} }';
  expect(missesOf({ 'contract.ts': contract, 'a.ts': text })).toEqual(['a.ts:2 C.g has no docstring']);
});

test('replies and the run of a command need none; nor does what is not asked for', () => {
  const files = { 'server/replies.ts': 'export const ok = () => 1;', 'commands/status.ts': 'export function run() {}' };
  expect(missesOf(files)).toEqual([]);
  expect(missesOf({ ...files, 'ops/log.ts': 'export function run() {}' }, 'server', 'commands')).toEqual([]);
});

test('long comments', () => {
  const text = `// ${'x'.repeat(118)}\nconst a = '${'x'.repeat(129)}';\n// ${'x'.repeat(117)}\n`;
  expect(missesOf({ 'a.ts': text })).toEqual(['a.ts:1 121 columns, 120 at most']);
});
