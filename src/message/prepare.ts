// A device's header section as it is sent on: what was said twice or not at all, what the owner has rewritten,
// what is missing, in the order in which the one depends on the other.

import type { Rewriting } from '../vocabulary/rewriting.ts';
import type { Field } from './field.ts';
import { tidyFields } from './once.ts';
import { missingFields, type RepairContext, repairDate, repairFrom } from './repair.ts';
import { rewriteFields } from './rewrite.ts';

/** The fields, ready for the wire; those that were missing stand first. `context.envelope` is the rewritten one. Doing it again changes nothing. */
export function prepareFields(fields: readonly Field[], rewriting: Rewriting, context: RepairContext): readonly Buffer[] {
  const rewritten = rewriteFields(tidyFields(fields), rewriting, context.envelope.parameters.smtpUtf8 === true);
  const repaired = repairDate(repairFrom(rewritten, context), context.time);
  return [...missingFields(repaired, fields, context), ...repaired.map(({ raw }) => raw)];
}
