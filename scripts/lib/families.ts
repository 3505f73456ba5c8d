// The families of boards: each folder of targets/ that has a target.json. targets/README.md says how to add one.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { TARGETS } from './paths.ts';
import type { Architecture } from './runtimes.ts';

/** A family: its folder's name, and what its target.json says. Paths on the board have no slash at their start. */
export type Family = {
  readonly name: string;
  readonly title: string;
  readonly package: 'deb' | 'tarball';
  readonly architectures: readonly Architecture[];
  readonly binary: string;
  /** Where the private C library goes, on systems that have another; the binary is then made to use it. */
  readonly libraries?: string;
  /** Where every variable stands as a commented line. */
  readonly environment: string;
  /** By their path from the family's folder; the mode is octal, 644 if absent. */
  readonly files: Readonly<Record<string, { readonly to: string; readonly mode?: string }>>;
  /** Folders that are not for everybody to look into, with their modes. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Debian's maintainer scripts, and fields of the control file. */
  readonly scripts?: readonly string[];
  readonly depends?: string;
  readonly suggests?: string;
};

/** All of them by name, in the order of their names. */
export function readFamilies(): ReadonlyMap<string, Family> {
  const names = readdirSync(TARGETS).filter((name) => existsSync(`${TARGETS}${name}/target.json`));
  return new Map(
    names
      .sort()
      .map((name) => [name, { name, ...(JSON.parse(readFileSync(`${TARGETS}${name}/target.json`, 'utf8')) as Omit<Family, 'name'>) }]),
  );
}
