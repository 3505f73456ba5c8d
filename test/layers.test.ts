// "Siblings never import siblings": reads every import in src, types included.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SRC = new URL('../src/', import.meta.url).pathname;

const SHARED = ['smtp', 'system', 'events.ts'];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  smtp: [],
  system: [],
  'events.ts': ['smtp', 'system'],
  message: ['smtp', 'system'],
  config: ['smtp', 'system'],
  server: [...SHARED, 'message'],
  spool: [...SHARED, 'message'],
  delivery: [...SHARED, 'message'],
  upstream: [...SHARED, 'message'],
  ops: [...SHARED, 'message'],
  'operations.ts': [...SHARED, 'message', 'spool', 'delivery', 'ops'],
  'relay.ts': [...SHARED, 'build.ts', 'operations.ts', 'config', 'server', 'spool', 'delivery', 'upstream', 'ops', 'message'],
  commands: [...SHARED, 'message', 'config', 'relay.ts', 'build.ts', 'ops', 'server', 'spool', 'upstream'],
  'main.ts': ['commands'],
  'build.ts': [],
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
  expect(readFileSync(`${SRC}relay.ts`, 'utf8')).toMatch(/from '\.\/spool\//);
});
