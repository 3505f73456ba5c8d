// Header fields as tests write them: one text each, in latin1 so that any octet can be given.

import { type Field, fieldName } from '../../src/message/field.ts';

/** `line`, name and body with its folds, as a field. */
export const fieldOf = (line: string): Field => ({ name: fieldName(line) ?? '', raw: Buffer.from(`${line}\r\n`, 'latin1') });

/** The fields, each as its line. */
export const linesOf = (fields: readonly Field[]): readonly string[] =>
  fields.map(({ raw }) => raw.toString('latin1').replace(/\r\n$/, ''));
