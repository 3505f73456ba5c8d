// Text from outside must not be able to keep the relay busy: every regular expression of the source is
// run on input that is made to slow it down, at growing lengths. One that is exponential shows at some
// twenty repetitions; one that is quadratic needs a second where a linear one needs a tenth of a millisecond.

import { describe, expect, test } from 'vitest';
import { type Attack, attacksOn, build, type Found, regularExpressions } from './support/regular-expressions.ts';

const { literals, made } = regularExpressions(new URL('../src/', import.meta.url).pathname);

const SAMPLES = 5;
const LONG = 8_192;
// Milliseconds. A linear match of the longest text takes a hundredth of it, a quadratic one ten times as much or more.
const PATIENCE = 10;

/** Milliseconds that one search takes; the fastest of three, since this machine does other things, too. */
function time(expression: RegExp, text: string, tries = 3): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let count = 0; count < tries; count++) {
    const started = performance.now();
    text.replace(expression, '');
    fastest = Math.min(fastest, performance.now() - started);
    if (fastest < PATIENCE) return fastest;
  }
  return fastest;
}

/** The length at which the expression is too slow; undefined when it is linear. */
function slowAt(found: Found, attack: Attack): number | undefined {
  const expression = new RegExp(found.pattern, found.flags);
  // Step by step first: of an exponential one, each further repetition doubles the time.
  for (let times = 1; times <= 24; times += 1) if (time(expression, build(attack, times)) > PATIENCE) return times;
  for (let times = 64; times <= LONG; times *= 2) if (time(expression, build(attack, times)) > PATIENCE) return times;
  return undefined;
}

function weakness(found: Found): string | undefined {
  for (const attack of attacksOn(found, SAMPLES)) {
    const times = slowAt(found, attack);
    if (times !== undefined) return `slow at ${times} repetitions of ${JSON.stringify(attack)}`;
  }
  return undefined;
}

test('expressions are found, and none is made from text', () => {
  expect(literals.length).toBeGreaterThan(60);
  expect(made).toEqual([]);
});

test.each(literals)('linear: $file:$line /$pattern/$flags', { timeout: 60_000 }, (found) => {
  expect(weakness(found)).toBeUndefined();
});

describe('the test can tell', () => {
  const known = (pattern: string): Found => ({ file: '', line: 0, pattern, flags: '' });
  test.each([
    ['nested quantifiers', '^(?:[a-z]+|\\.)+$'],
    ['nested quantifiers behind a prefix', '^TO:<(?:[a-z0-9]+-?)*>$'],
    ['overlapping alternatives', '^(?:a|[a-z])*x'],
    ['two neighbours of the same', '^[a-z]*[a-z]*x'],
    ['blanks at an end that is none', '[ \\t]+$'],
    ['a search that starts everywhere', 'a.*b'],
  ])('%s', (_name, pattern) => {
    expect(weakness(known(pattern))).toBeDefined();
  });
  test.each([['^[a-z.]+$'], ['^"((?:[^"\\\\]|\\\\.)*)"$'], ['^[a-z]+(?:\\.[a-z]+)*$']])('%s is linear', (pattern) => {
    expect(weakness(known(pattern))).toBeUndefined();
  });
});
