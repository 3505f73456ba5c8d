import { expect, test } from 'vitest';
import { Lifetimes } from '../../src/relay/lifetimes.ts';

/** Lifetimes whose ends are noted in `closed`; those of `failing` reject. */
function stackOf(names: readonly string[], failing: readonly string[] = []) {
  const lifetimes = new Lifetimes();
  const closed: string[] = [];
  for (const name of names) {
    lifetimes.push(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      closed.push(name);
      if (failing.includes(name)) throw new Error(name);
    });
  }
  return { lifetimes, closed };
}

test('what was opened last is closed first, one after the other', async () => {
  const { lifetimes, closed } = stackOf(['lock', 'spool', 'listener']);
  await lifetimes.close();
  expect(closed).toEqual(['listener', 'spool', 'lock']);
});

test('each is closed once', async () => {
  const { lifetimes, closed } = stackOf(['lock']);
  await lifetimes.close();
  await lifetimes.close();
  expect(closed).toEqual(['lock']);
});

test('one that can not be closed does not keep the others open; the first error is the one that is reported', async () => {
  const { lifetimes, closed } = stackOf(['lock', 'spool', 'listener'], ['listener', 'spool']);
  await expect(lifetimes.close()).rejects.toThrow('listener');
  expect(closed).toEqual(['listener', 'spool', 'lock']);
});
