import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { codeOf, meaningOf, problemOf } from '../../src/system/problem.ts';

test.each([
  [Object.assign(new Error('no such file'), { code: 'ENOENT' }), 'no such file', 'ENOENT'],
  [new TypeError('x is no function'), 'x is no function', undefined],
  ['just text', 'just text', undefined],
  [undefined, 'undefined', undefined],
  [Object.assign(new Error('odd'), { code: 7 }), 'odd', undefined],
])('%s', (thrown, problem, code) => {
  expect(problemOf(thrown)).toBe(problem);
  expect(codeOf(thrown)).toBe(code);
});

test('the meaning of a code is without the path', () => {
  const meaning = (work: () => unknown) => {
    try {
      work();
      return undefined;
    } catch (error) {
      return meaningOf(error);
    }
  };
  expect(meaning(() => readFileSync('/nowhere/hunter2'))).toBe('no such file or directory');
  expect(meaning(() => readFileSync('/'))).toBe('illegal operation on a directory');
  expect(meaningOf(new Error('it is larger'))).toBe('it is larger');
  expect(meaningOf(Object.assign(new Error('/hunter2'), { code: 'EOTHER' }))).toBe('EOTHER');
});
