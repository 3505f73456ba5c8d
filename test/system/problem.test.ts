import { expect, test } from 'vitest';
import { codeOf, problemOf } from '../../src/system/problem.ts';

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
