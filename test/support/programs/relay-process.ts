// The built program as a process, with its log read.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BUNDLE } from '../../../scripts/lib/paths.ts';
import { finished, killAtExit } from '../processes.ts';
import { searchForSecrets, secretsIn } from '../secrets.ts';

/** A line of the log, as JSON has it. */
export type LogLine = { readonly event: string; readonly [field: string]: unknown };

/** A running relay. */
export type RelayProcess = {
  readonly port: number;
  readonly pid: number;
  readonly log: LogLine[];
  /** Resolves with the first line, already there or to come, that passes. */
  waitFor(passes: (line: LogLine) => boolean): Promise<LogLine>;
  /** Sends a signal; resolves with the exit code (null when killed). */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code once it has ended by itself. */
  ended(): Promise<number | null>;
  /** Only sends it. */
  signal(signal: NodeJS.Signals): void;
};

/** Variables, by their whole names. */
export type Environment = Readonly<Record<string, string>>;

/** What a process of ours gets of the environment: nothing of the relay's. */
function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GATEPOST_') && name !== 'NODE_OPTIONS');
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}

/** Runs a command of the program to its end. */
export async function runProgram(argv: readonly string[], environment: Environment = {}, node = process.execPath) {
  secretsIn(environment);
  const child = spawn(node, [BUNDLE, ...argv], { env: { ...cleanEnvironment(), ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const result = await finished(child);
  searchForSecrets(result.stdout + result.stderr, `gatepost ${argv.join(' ')}`);
  return result;
}

/** Starts a relay on a free port of loopback and waits until it listens. */
export async function startProcess(
  environment: Environment,
  options: { node?: string; prefix?: readonly string[] /** In place of Node and the bundle. */; program?: readonly string[] } = {},
): Promise<RelayProcess> {
  secretsIn(environment);
  const program = options.program ?? [options.node ?? process.execPath, BUNDLE];
  const [command = '', ...argv] = [...(options.prefix ?? []), ...program, 'run'];
  const child = spawn(command, argv, {
    env: {
      ...cleanEnvironment(),
      GATEPOST_LISTEN: '127.0.0.1:0',
      GATEPOST_HOSTNAME: 'gate.example',
      GATEPOST_LOG_FORMAT: 'json',
      GATEPOST_LOG_LEVEL: 'debug',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  killAtExit(child);
  const log: LogLine[] = [];
  let stderr = '';
  let waiting: { passes: (line: LogLine) => boolean; resolve: (line: LogLine) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    searchForSecrets(text, 'the log');
    const line = JSON.parse(text) as LogLine;
    log.push(line);
    waiting = waiting.filter(({ passes, resolve }) => {
      if (!passes(line)) return true;
      resolve(line);
      return false;
    });
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    searchForSecrets(stderr, 'standard error');
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const waitFor = (passes: (line: LogLine) => boolean) => {
    const there = log.find(passes);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise<LogLine>((resolve) => waiting.push({ passes, resolve }));
  };
  const early = exited.then((code) => {
    throw new Error(`the relay ended with ${code}: ${stderr}`);
  });
  const started = await Promise.race([waitFor(({ event }) => event === 'started'), early]);
  early.catch(() => {}); // from here on ending is no surprise
  return {
    port: Number(String(started['listening']).split(':').at(-1)),
    pid: child.pid ?? 0,
    log,
    waitFor,
    signal: (signal) => void child.kill(signal),
    ended: () => exited,
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
  };
}
