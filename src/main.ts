// argv -> one command, loaded when it is wanted; the exit code.

import { EXIT } from './commands/exit.ts';

type Command = { run(argv: readonly string[]): Promise<void> };

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: () => import('./commands/run.ts'),
  check: () => import('./commands/check.ts'),
  config: () => import('./commands/config.ts'),
  'hash-password': () => import('./commands/hash-password.ts'),
  status: () => import('./commands/status.ts'),
  queue: () => import('./commands/queue.ts'),
  'send-test': () => import('./commands/send-test.ts'),
  spool: () => import('./commands/spool.ts'),
  version: () => import('./commands/version.ts'),
  help: () => import('./commands/help.ts'),
};

const ALIASES: Readonly<Record<string, string>> = { '--help': 'help', '-h': 'help', '--version': 'version', '-V': 'version' };

async function main(argv: readonly string[]): Promise<void> {
  const [word = 'run', ...rest] = argv;
  const name = ALIASES[word] ?? word;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) return usage(`there is no command ${JSON.stringify(word)}`);
  if (rest.includes('--help') || rest.includes('-h')) return (await import('./commands/help.ts')).run();
  // `gatepost queue | head`: who reads has seen enough. The relay itself goes on without a reader.
  if (name !== 'run') process.stdout.on('error', () => process.exit(EXIT.ok));
  const command = await load();
  try {
    await command.run(rest);
  } catch (error) {
    // util.parseArgs: an option or a word that the command doesn't know
    if (!String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')) throw error;
    usage((error as Error).message);
  }
}

function usage(problem: string): void {
  process.stderr.write(`gatepost: ${problem}; "gatepost help" lists what there is\n`);
  process.exitCode = EXIT.usage;
}

// Left alone, Node answers SIGUSR1 by opening its debugger on loopback to every user of the board. Here, so that
// no command is without it; `run` does something useful at the signal.
process.on('SIGUSR1', () => {});

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`gatepost: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = EXIT.software;
});
