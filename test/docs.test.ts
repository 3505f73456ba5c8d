// The examples in docstrings (```ts) are run: what their module exports is in scope, and `assert` (node:assert/strict).

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SRC = new URL('../src/', import.meta.url).pathname;
const EXAMPLE = /^ *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm;

const examples = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .flatMap((file) => {
    const text = readFileSync(SRC + file, 'utf8');
    return [...text.matchAll(EXAMPLE)].map(({ 1: code = '', index }) => ({
      place: `${file}:${text.slice(0, index).split('\n').length}`,
      file,
      code: code.replace(/^ *\* ?/gm, ''),
    }));
  });

const AsyncFunction = (async () => {}).constructor as new (...parts: string[]) => (...scope: unknown[]) => Promise<void>;

test.each(examples)('the example at $place holds', async ({ file, code }) => {
  const module = (await import(SRC + file)) as Record<string, unknown>;
  await new AsyncFunction('assert', ...Object.keys(module), code)(assert, ...Object.values(module));
});

test('there are examples, and each makes a claim', () => {
  expect(examples.length).toBeGreaterThan(0);
  expect(examples.filter(({ code }) => !code.includes('assert'))).toEqual([]);
});
