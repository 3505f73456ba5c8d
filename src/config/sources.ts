// Where the values come from: a variable GATEPOST_X may also be given as GATEPOST_X_FILE (a file that holds the value)
// or as the systemd credential `gatepost_x`. Each mistake is one line: the variable, what is wrong, an example of what
// is right. No line has the path of a file, since people write the password itself where its file should be named.

import * as v from 'valibot';
import { codeOf, meaningOf, problemOf } from '../system/problem.ts';
import { type NamedVariable, VARIABLES } from './settings.ts';
import { PREFIX } from './variable.ts';

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a whole small file as text; throws Node's error. */
export type ReadFile = (path: string) => string;

/** What the values are read from. */
export type Sources = { readonly environment: Environment; readonly readFile: ReadFile };

/** One line for the owner of the board. */
export type Mistake = string;

/** The values by group and field, as `Settings` has them if there is no mistake. */
type Read = { readonly values: Readonly<Record<string, Readonly<Record<string, unknown>>>>; readonly mistakes: readonly Mistake[] };

/** Reads these variables. Those that have a mistake are undefined in the result. */
export function readVariables(variables: readonly NamedVariable[], sources: Sources): Read {
  const mistakes: Mistake[] = [];
  const values: Record<string, Record<string, unknown>> = {};
  for (const variable of variables) {
    const read = readVariable(variable, sources);
    if ('problem' in read)
      mistakes.push(`${PREFIX}${variable.name}: ${read.problem}; for example ${PREFIX}${variable.name}=${variable.example}`);
    values[variable.group] = { ...values[variable.group], [variable.field]: 'value' in read ? read.value : undefined };
  }
  return { values, mistakes };
}

function readVariable(variable: NamedVariable, sources: Sources): { readonly value: unknown } | { readonly problem: string } {
  try {
    const text = lookUp(variable.name, sources) ?? variable.default;
    if (text === undefined) return variable.required === true ? { problem: 'is required' } : { value: undefined };
    const parsed = v.safeParse(variable.kind, text);
    return parsed.success ? { value: parsed.output } : { problem: parsed.issues[0].message };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/** A mistake for each name in the environment that has our prefix and is not in the table. */
export function unknownNames(environment: Environment): readonly Mistake[] {
  const known = new Set(VARIABLES.flatMap(({ name }) => [`${PREFIX}${name}`, `${PREFIX}${name}_FILE`]));
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .map((name) => `${name}: there is no such variable; "gatepost config" lists them all`);
}

/**
 * The text of GATEPOST_name; undefined when it is not given. Throws when it is given twice or its file can't be read.
 */
function lookUp(name: string, { environment, readFile }: Sources): string | undefined {
  const plain = environment[`${PREFIX}${name}`];
  const file = environment[`${PREFIX}${name}_FILE`];
  if (plain !== undefined && file !== undefined) throw new Error(`is given twice, also as ${PREFIX}${name}_FILE`);
  if (plain !== undefined) return plain;
  if (file !== undefined) return readValue(file, `the file whose path is in ${PREFIX}${name}_FILE`, readFile);
  const credentials = environment['CREDENTIALS_DIRECTORY'];
  if (credentials === undefined) return undefined;
  const credential = `gatepost_${name.toLowerCase()}`;
  try {
    return readValue(`${credentials}/${credential}`, `the credential ${credential}`, readFile);
  } catch (error) {
    if (error instanceof Error && codeOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file's text without its last line end; an error calls it `what`, and has the system's error as its cause. */
function readValue(path: string, what: string, readFile: ReadFile): string {
  try {
    return readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`${what} can't be read: ${meaningOf(error)}`, { cause: error });
  }
}
