// "Siblings never import siblings": reads every import in src, types included.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SRC = new URL('../src/', import.meta.url).pathname;

const SHARED = ['smtp', 'system', 'vocabulary'];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  smtp: [],
  system: [],
  vocabulary: ['smtp', 'system'],
  message: SHARED,
  config: SHARED,
  server: [...SHARED, 'message'],
  spool: [...SHARED, 'message'],
  delivery: [...SHARED, 'message'],
  upstream: [...SHARED, 'message'],
  ops: [...SHARED, 'message'],
  relay: [...SHARED, 'version.ts', 'config', 'server', 'spool', 'delivery', 'upstream', 'ops', 'message'],
  commands: [...SHARED, 'message', 'config', 'relay', 'version.ts', 'ops', 'server', 'spool', 'upstream'],
  'main.ts': ['commands', 'system'],
  'version.ts': [],
};

const top = (path: string) => path.split('/')[0] ?? '';

function forbiddenImports(): string[] {
  const found: string[] = [];
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))) {
    const place = top(file);
    const text = readFileSync(SRC + file, 'utf8');
    for (const [, imported = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)) {
      const target = top(new URL(imported, `file:///${file}`).pathname.slice(1));
      if (target !== place && !(ALLOWED[place] ?? []).includes(target)) found.push(`${file} imports ${imported}`);
    }
  }
  return found;
}

test('siblings never import siblings', () => {
  expect(forbiddenImports()).toEqual([]);
});

test('the rule covers every folder, and sees imports at all', () => {
  expect(Object.keys(ALLOWED).sort()).toEqual(readdirSync(SRC).sort());
  expect(readFileSync(`${SRC}relay/start.ts`, 'utf8')).toMatch(/from '\.\.\/spool\//);
});

// A folder of nouns rots into the place for everything: one noun a file, and no file that re-exports the others.
const LONGEST_NOUN = 80;

test('the vocabulary stays small', () => {
  const files = readdirSync(`${SRC}vocabulary`);
  const lengths = files.map((file) => ({ file, lines: readFileSync(`${SRC}vocabulary/${file}`, 'utf8').split('\n').length }));
  expect(lengths.filter(({ file, lines }) => lines > (file === 'events.ts' ? 2 * LONGEST_NOUN : LONGEST_NOUN))).toEqual([]);
  expect(files).not.toContain('index.ts');
});

// Two exported types of one name are two owners of one noun, whatever is in them.
const ONE_EACH = /^export (?:type|interface|class) (\w+)/gm;

test('no noun is declared twice', () => {
  const owners = new Map<string, string[]>();
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')))
    for (const [, noun = ''] of readFileSync(SRC + file, 'utf8').matchAll(ONE_EACH)) owners.set(noun, [...(owners.get(noun) ?? []), file]);
  expect([...owners].filter(([, files]) => files.length > 1)).toEqual([]);
});
