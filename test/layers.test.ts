// "Siblings never import siblings": reads every import in src, types included.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const PROJECT = new URL('../', import.meta.url).pathname;
const SRC = `${PROJECT}src/`;

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
  oauth: SHARED,
  ops: [...SHARED, 'message'],
  relay: [...SHARED, 'version.ts', 'config', 'server', 'spool', 'delivery', 'upstream', 'oauth', 'ops', 'message'],
  commands: [...SHARED, 'message', 'config', 'relay', 'version.ts', 'ops', 'server', 'spool', 'upstream', 'oauth'],
  'main.ts': ['commands', 'system'],
  'version.ts': [],
};

/** The layer of a module of src. */
const layer = (path: string) => path.split('/')[1] ?? '';

/** All imports of our own modules in a folder of the project, types included; paths start at the project. */
function importsIn(folder: string): readonly { readonly file: string; readonly target: string; readonly isOnDemand: boolean }[] {
  return readdirSync(PROJECT + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`)
    .flatMap((file) =>
      [...readFileSync(PROJECT + file, 'utf8').matchAll(/(?:from|import)\s*(\(?)\s*'(\.[^']*)'/g)].map(([, bracket, imported = '']) => ({
        file,
        isOnDemand: bracket === '(',
        target: new URL(imported, `file:///${file}`).pathname.slice(1),
      })),
    );
}

function forbiddenImports(): readonly string[] {
  return importsIn('src')
    .filter(({ file, target }) => layer(target) !== layer(file) && !(ALLOWED[layer(file)] ?? []).includes(layer(target)))
    .map(({ file, target }) => `${file} imports ${target}`);
}

test('siblings never import siblings', () => {
  expect(forbiddenImports()).toEqual([]);
});

/** Groups of modules of src that import one another in a circle, types included; what is imported on demand is none. */
function importCircles(): readonly (readonly string[])[] {
  const targets = new Map<string, string[]>();
  for (const { file, target, isOnDemand } of importsIn('src')) if (!isOnDemand) targets.set(file, [...(targets.get(file) ?? []), target]);
  const reachedFrom = (start: string) => {
    const reached = new Set<string>();
    for (const left = [start]; left.length > 0; ) {
      for (const next of targets.get(left.pop() ?? '') ?? []) {
        if (reached.has(next)) continue;
        reached.add(next);
        left.push(next);
      }
    }
    return reached;
  };
  const all = new Map([...targets.keys()].map((file) => [file, reachedFrom(file)]));
  const circles = [...all].map(([file, reached]) => [...reached].filter((other) => reached.has(file) && all.get(other)?.has(file)));
  return circles.filter((circle) => circle.length > 0);
}

test('no modules import one another in a circle', () => {
  expect(importCircles()).toEqual([]);
});

test('the rule covers every folder, and sees imports at all', () => {
  expect([...Object.keys(ALLOWED), 'README.md'].sort()).toEqual(readdirSync(SRC).sort());
  expect(readFileSync(`${SRC}relay/start.ts`, 'utf8')).toMatch(/from '\.\.\/spool\//);
});

// src <- scripts/lib <- the commands and the tests. The benchmark alone also starts Postfix and the relay as tests do.
const TEST_SUPPORT_FOR = ['scripts/bench.ts'];

test('scripts and tests meet in scripts/lib only', () => {
  const imports = ['src', 'scripts', 'test'].flatMap(importsIn);
  const found = (files: RegExp, targets: RegExp) =>
    imports.filter(({ file, target }) => files.test(file) && targets.test(target)).map(({ file }) => file);
  expect(found(/^src\//, /^(?:scripts|test)\//)).toEqual([]);
  expect(found(/^scripts\/lib\//, /^(?:scripts\/(?!lib\/)|test\/)/)).toEqual([]);
  expect(found(/^test\//, /^scripts\/(?!lib\/)/)).toEqual([]);
  expect([...new Set(found(/^scripts\//, /^test\//))]).toEqual(TEST_SUPPORT_FOR);
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
