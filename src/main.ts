// The command line: finds the command in the table, loads and runs it, and sets the exit code.

import { EXIT } from './commands/exit.ts';
import { helpOn } from './commands/help-text.ts';
import { COMMANDS, type CommandFile, isCommand } from './commands/table.ts';
import { codeOf, problemOf } from './system/problem.ts';

const ALIASES: Readonly<Record<string, string>> = { '--help': 'help', '-h': 'help', '--version': 'version', '-V': 'version' };

async function main(argv: readonly string[]): Promise<void> {
  const [word = 'run', ...rest] = argv;
  const name = ALIASES[word] ?? word;
  if (!isCommand(name)) return complain(`there is no command ${JSON.stringify(word)}`);
  // The reader of `gatepost queue | head` may have seen enough. The relay itself goes on without a reader.
  if (name !== 'run') process.stdout.on('error', () => process.exit(EXIT.ok));
  if (rest.includes('--help') || rest.includes('-h')) return void process.stdout.write(helpOn(name));
  const command: CommandFile = await COMMANDS[name].load();
  try {
    await command.run(rest);
  } catch (error) {
    // util.parseArgs found an option or a word that the command does not know.
    if (codeOf(error)?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
    complain(problemOf(error));
  }
}

function complain(problem: string): void {
  process.stderr.write(`gatepost: ${problem}; "gatepost help" lists what there is\n`);
  process.exitCode = EXIT.usage;
}

// Left alone, Node answers SIGUSR1 by opening its debugger on loopback to every user of the board. It is caught here,
// so that it is for every command; `run` does something useful at the signal.
process.on('SIGUSR1', () => {});

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`gatepost: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = EXIT.software;
});
