// What all commands of scripts/ have in common.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chosen, wholeNumber } from '../../scripts/lib/command.ts';
import { readFamilies } from '../../scripts/lib/families.ts';
import { ROOT, TARGETS } from '../../scripts/lib/paths.ts';
import { finished } from '../support/processes.ts';

const COMMANDS = readdirSync(`${ROOT}scripts`).filter((name) => name.endsWith('.ts'));

const runCommand = (name: string, ...argv: readonly string[]) =>
  finished(spawn(process.execPath, [`scripts/${name}`, ...argv], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] }));

test.concurrent.each(COMMANDS)('%s says how it is used, and does nothing else', { timeout: 60_000 }, async (name) => {
  const { code, stdout, stderr } = await runCommand(name, '--help');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: .*\n\n(?:.+\n)+$/);
});

test.concurrent.each(COMMANDS)(
  '%s refuses an option that it does not know, with a sentence and its usage',
  { timeout: 60_000 },
  async (name) => {
    const { code, stdout, stderr } = await runCommand(name, '--nonsense');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Unknown option '--nonsense'\n\nUsage: /);
  },
);

test.concurrent('one word too many is refused, too', async () => {
  expect(await runCommand('build.ts', 'all')).toMatchObject({ code: 2 });
  expect((await runCommand('try-start.ts', '.', '1', 'third')).stderr).toMatch(/^"third" is one word too many\n/);
});

test('a list is checked word by word', () => {
  expect(chosen(undefined, ['one', 'two'])).toEqual(['one', 'two']);
  expect(chosen('two', ['one', 'two'])).toEqual(['two']);
  expect(() => chosen('two,three', ['one', 'two'])).toThrow('"three" is none of one, two');
});

test('a number is one', () => {
  expect(wholeNumber('9')).toBe(9);
  for (const text of ['0', '-1', '1.5', 'nine', '']) expect(() => wholeNumber(text)).toThrow('is no number from 1 on');
});

test('the families of boards are the folders with a target.json, and have the files that they name', () => {
  expect([...readFamilies().keys()]).toEqual(['debian', 'openwrt', 'overlay']);
  for (const { name, files, scripts = [] } of readFamilies().values())
    for (const path of [...Object.keys(files), ...scripts]) expect(existsSync(`${TARGETS}${name}/${path}`), `${name}: ${path}`).toBe(true);
});
