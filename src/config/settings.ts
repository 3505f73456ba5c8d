// What the table of variables says about types: each row is a field of `Settings`, named after its group and its name.
// GATEPOST_WARN_AFTER in the group `delivery` is `settings.delivery.warnAfter`; GATEPOST_SPOOL_DIR in the group
// `spool`, whose name it begins with, is `settings.spool.dir`.

import type { Kind } from './kinds.ts';
import type { Variable } from './variable.ts';
import { GROUPS } from './variables.ts';

type Groups = typeof GROUPS;
type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Lowercase<Head>}${Capitalize<Camel<Tail>>}` : Lowercase<S>;
type Field<G extends string, N extends string> = N extends `${Uppercase<G>}_${infer Own}` ? Camel<Own> : Camel<N>;

type Value<V> = V extends { readonly kind: Kind<infer T> }
  ? V extends { readonly required: true } | { readonly default: string }
    ? T
    : T | undefined
  : never;

/** The value of each variable; undefined for one that is neither given nor has a default. */
export type Settings = {
  readonly [G in keyof Groups]: {
    readonly [N in keyof Groups[G]['variables'] & string as Field<G, N>]: Value<Groups[G]['variables'][N]>;
  };
};

/** A row with its name (without the prefix) and the field of `Settings` that it becomes. */
export type NamedVariable = Variable<unknown> & { readonly name: string; readonly group: string; readonly field: string };

/** The groups in the table's order, with their headings. */
export const VARIABLE_GROUPS: readonly { readonly heading: string; readonly variables: readonly NamedVariable[] }[] = Object.entries(
  GROUPS,
).map(([group, { heading, variables }]) => ({
  heading,
  variables: Object.entries<Variable<unknown>>(variables).map(([name, row]) => ({ ...row, name, group, field: fieldOf(group, name) })),
}));

/** All rows, in the table's order. */
export const VARIABLES: readonly NamedVariable[] = VARIABLE_GROUPS.flatMap(({ variables }) => variables);

/** The type `Field`, as a function. */
function fieldOf(group: string, name: string): string {
  const prefix = `${group.toUpperCase()}_`;
  const own = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  return own.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
