// A device's header section as it is sent on. The steps depend on each other, hence their order: fields without
// content or too many of them, the owner's rewriting, repairs, missing fields.

import type { Rewriting } from '../vocabulary/rewriting.ts';
import { AddressReader } from './addresses.ts';
import type { Field } from './field.ts';
import { tidyFields } from './once.ts';
import { missingFields, type RepairContext, repairDate, repairFrom } from './repair.ts';
import { rewriteFields } from './rewrite.ts';

/**
 * The fields as octets, each with its CRLF; those that were missing stand first. `context.envelope` is the
 * rewritten one. Applied to its own result it changes nothing.
 */
export function prepareFields(fields: readonly Field[], rewriting: Rewriting, context: RepairContext): readonly Buffer[] {
  const addresses = new AddressReader();
  const isUtf8 = context.envelope.parameters.smtpUtf8 === true;
  const rewritten = rewriteFields(tidyFields(fields, addresses), rewriting, { isUtf8, addresses });
  const repaired = repairDate(repairFrom(rewritten, context, addresses), context.time);
  return [...missingFields(repaired, fields, context), ...repaired.map(({ raw }) => raw)];
}
