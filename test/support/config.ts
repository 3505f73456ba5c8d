// Configurations for tests: what an environment says, with the least that is needed as its default.

import { type Config, parseConfig } from '../../src/config/config.ts';
import type { Environment, Mistake } from '../../src/config/sources.ts';

/** The one variable that must be given. */
export const UPSTREAM = { GATEPOST_UPSTREAM: 'smtp://user:secret@smtp.example.org' };

/** Parses an environment; `files` has the text of each file that is there. */
function parse(environment: Environment, files: Readonly<Record<string, string>> = {}): ReturnType<typeof parseConfig> {
  return parseConfig(environment, (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return text;
  });
}

/** The configuration; throws with the mistakes if there are any. */
export function configOf(environment: Environment = UPSTREAM, files?: Readonly<Record<string, string>>): Config {
  const result = parse(environment, files);
  if ('mistakes' in result) throw new Error(result.mistakes.join('\n'));
  return result.config;
}

/** The mistakes; none for a configuration that is right. */
export function mistakesOf(environment: Environment, files?: Readonly<Record<string, string>>): readonly Mistake[] {
  const result = parse(environment, files);
  return 'mistakes' in result ? result.mistakes : [];
}
