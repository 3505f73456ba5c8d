// What every command of scripts/ has in common: `--help` prints the comment that its file opens with, a wrong option
// ends it with a sentence and exit code 2, and nothing runs when another module imports the file.

import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

type Command<O extends Options> = {
  /** As `util.parseArgs` takes them; `help` is added. */
  readonly options?: O;
  /** How many words may follow the options; none if absent. */
  readonly operands?: number;
  run(values: Values<O>, operands: readonly string[]): Promise<void> | void;
};

/** A failure whose message says it all: the command prints it without a stack, and ends with exit code 1. */
export class CommandFailed extends Error {}

/** A value that makes no sense: ends the command as an unknown option does. */
class WrongUsage extends Error {}

/** Runs the command if `script`, `import.meta` of its file, is what Node started with. Rejects as its `run` does. */
export async function command<const O extends Options>(script: ImportMeta, { options, operands = 0, run }: Command<O>): Promise<void> {
  if (!script.main) return;
  try {
    const { values, positionals } = parseArgs({ options: { ...options, help: { type: 'boolean' } }, allowPositionals: operands > 0 });
    if (values['help'] === true) return void process.stdout.write(usageOf(script.filename));
    if (positionals.length > operands) throw new WrongUsage(`${JSON.stringify(positionals[operands])} is one word too many`);
    await run(values as Values<O>, positionals);
  } catch (error) {
    const isUsage = error instanceof WrongUsage || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
    if (!isUsage && !(error instanceof CommandFailed)) throw error;
    // After its first sentence, parseArgs explains how to begin an operand with a dash.
    const [sentence = ''] = isUsage ? (error as Error).message.split('. ') : [(error as Error).message];
    process.stderr.write(`${sentence}\n${isUsage ? `\n${usageOf(script.filename)}` : ''}`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** The words of `list` (separated by commas), each of which must be one of `known`; all of `known` without a list. */
export function chosen<T extends string>(list: string | undefined, known: readonly T[]): readonly T[] {
  if (list === undefined) return known;
  return list.split(',').map((word) => {
    const found = known.find((one) => one === word);
    if (found === undefined) throw new WrongUsage(`${JSON.stringify(word)} is none of ${known.join(', ')}`);
    return found;
  });
}

/** The number of an option or operand; at least 1. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new WrongUsage(`${JSON.stringify(text)} is no number from 1 on`);
  return Number(text);
}

/** The comment that a script opens with, without its slashes. */
function usageOf(file: string): string {
  const [comment = ''] = readFileSync(file, 'utf8').match(/^(\/\/.*\n)+/) ?? [];
  return comment.replace(/^\/\/ ?/gm, '');
}
