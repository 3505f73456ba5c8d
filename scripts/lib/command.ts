// What every command of this folder has in common: `--help` prints the comment that its file opens with, a wrong
// option ends it with a sentence and exit code 2, and nothing runs when a test imports the file.

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

/** Thrown by `run` for a value that makes no sense: ends the command as an unknown option does. */
class WrongUsage extends Error {}

/** Runs the command if `script` (`import.meta` of its file) is what Node was started with. Rejects as its `run` does. */
export async function command<const O extends Options>(script: ImportMeta, { options, operands = 0, run }: Command<O>): Promise<void> {
  if (!script.main) return;
  try {
    const { values, positionals } = parseArgs({ options: { ...options, help: { type: 'boolean' } }, allowPositionals: operands > 0 });
    if (values['help'] === true) return void process.stdout.write(usageOf(script.filename));
    if (positionals.length > operands) throw new WrongUsage(`there is one word too many: ${positionals[operands]}`);
    await run(values as Values<O>, positionals);
  } catch (error) {
    const isUsage = error instanceof WrongUsage || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
    if (!isUsage) throw error;
    process.stderr.write(`${(error as Error).message}\n\n${usageOf(script.filename)}`);
    process.exitCode = 2;
  }
}

/** The comment that a script opens with, without its slashes. */
function usageOf(file: string): string {
  const [comment = ''] = readFileSync(file, 'utf8').match(/^(\/\/.*\n)+/) ?? [];
  return comment.replace(/^\/\/ ?/gm, '');
}
