// Each command is a row and a file: what is printed and what the README says follow from the row.

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { QUEUE_VERBS } from '../../src/commands/queue-verbs.ts';
import { COMMAND_ROWS, isCommand } from '../../src/commands/table.ts';
import { synopsis } from '../../src/commands/usage.ts';
import { runProgram } from '../support/programs/relay-process.ts';

const README = readFileSync(new URL('../../src/commands/README.md', import.meta.url), 'utf8');

test.each(COMMAND_ROWS)('%s has a file, a line in the README and in `help`, and --help', async (name, { usages, load }) => {
  expect(existsSync(new URL(`../../src/commands/${name}.ts`, import.meta.url))).toBe(true);
  expect((await load()).run).toBeTypeOf('function');
  const [help, own] = [await runProgram(['help']), await runProgram([name, '--help'])];
  expect(own).toMatchObject({ code: 0, stderr: '' });
  expect(usages.length).toBeGreaterThan(0);
  for (const usage of usages) {
    const typed = synopsis(name, usage);
    const summary = usage.summary.replaceAll('`', '');
    expect(README).toContain(`| \`${typed.replaceAll('|', '\\|')}\` | ${usage.summary}`);
    expect(own.stdout).toContain(`${typed}\n    ${summary}\n`);
    expect(help.stdout.replace(/\s+/g, ' ')).toContain(`${typed} ${summary}`);
  }
});

test('--help prints the usage of one command only', async () => {
  const { stdout } = await runProgram(['check', '--help']);
  expect(stdout).toMatch(/^gatepost check \[--connect\]\n/);
  expect(stdout).not.toContain('send-test');
});

test('names are not looked up in what objects inherit', () => {
  expect(isCommand('toString')).toBe(false);
  expect(isCommand('queue')).toBe(true);
});

test('a command that is used wrongly says in one line how it is used, with exit code 64', async () => {
  const verbs = Object.values(QUEUE_VERBS).map(({ words }) => words);
  for (const [argv, line] of [
    [['queue', 'show'], `gatepost: usage: gatepost queue ${verbs.join(' | ')}\n`],
    [['send-test'], 'gatepost: usage: gatepost send-test ADDRESS, for example gatepost send-test owner@example.org\n'],
    [['spool'], 'gatepost: usage: gatepost spool verify [DIR... | -]\n'],
  ] as const)
    expect(await runProgram(argv)).toEqual({ code: 64, stdout: '', stderr: line });
});
