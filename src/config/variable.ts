// What a variable is: a row of the table in variables.ts.

import type { Kind } from './kinds.ts';

/** What stands before the name of every variable in the environment. */
export const PREFIX = 'GATEPOST_';

/** One row; `T` is the type of its value. */
export type Variable<T> = {
  readonly kind: Kind<T>;
  /** The text that stands in for a value that is not given; absent when the variable may stay unset. */
  readonly default?: string;
  /** Words for a default that is not a fixed text. */
  readonly defaultShown?: string;
  readonly required?: true;
  /** One sentence or two, in Markdown. */
  readonly meaning: string;
  readonly example: string;
};

/** The row as it is written, with the type of its value kept: the types of `Config` are made from it. */
export const variable = <T, const V extends Variable<T>>(row: V & { readonly kind: Kind<T> }): V & { readonly kind: Kind<T> } => row;

/**
 * What holds when the variable is not given, as people read it: `required`, the default's text, or words such as
 * `none`.
 */
export function shownDefault(row: Variable<unknown>): string {
  if (row.required === true) return 'required';
  return row.default ?? row.defaultShown ?? 'none';
}
