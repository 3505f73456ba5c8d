// Records: what the payloads of `commit`, `outcome` and `facts` frames say, as JSON. Pure. A CRC shows that the
// octets are those that were written; the decoders check that they say what this release expects of format 1.
// Members that are not known are ignored, so that a later release of the same format may add some.

import * as v from 'valibot';
import type { Envelope } from '../smtp/envelope.ts';
import type { WallTime } from '../system/clock.ts';
import type { Offers } from '../vocabulary/offers.ts';
import type { FlashFacts } from '../vocabulary/spool-status.ts';

/** Payload of a commit frame. `running` is the running time at arrival, in ms; `received` the date. */
export type CommitRecord = { readonly envelope: Envelope; readonly device: string; readonly received: WallTime; readonly running: number };

/** Payload of an outcome frame. */
export type OutcomeRecord = {
  /** How many attempts ended in a temporary failure. */
  readonly attempts: number;
  /** The recipients that need no further attempt, by their index in the envelope. */
  readonly settled: readonly number[];
  /** Whether the sender was notified of the delay. */
  readonly warned?: boolean;
  /** The running time when it was written, in ms; releases without manifest did not note it. */
  readonly running?: number;
};

/**
 * What the spool knows beside its messages. Each header holds it as of that time; a `facts` frame says what has
 * changed since.
 */
export type Facts = {
  /** Tells this spool from all others. */
  readonly instance: string;
  /** Message numbers below this one may have been used. */
  readonly nextNumber: number;
  /**
   * How long the relay has been running, all runs together, in ms. Ages are measured in it, so no set of the date
   * expires a message.
   */
  readonly running: number;
  /** The latest date ever seen: a board without a battery-backed clock starts before it. */
  readonly newest?: number;
  /** What was written to the flash. */
  readonly flash?: FlashFacts;
  /** What the upstreams offer, as last advertised; absent when never learned. */
  readonly upstream?: Offers;
};

/**
 * JSON that is whole but does not say what this release expects: another program wrote it, or a release with a fault.
 */
export class UnexpectedRecord extends Error {
  override readonly name = 'UnexpectedRecord';
}

const Mailbox = v.object({ localPart: v.string(), domain: v.string() });

const Recipient = v.object({
  forwardPath: Mailbox,
  notify: v.exactOptional(v.union([v.literal('never'), v.array(v.picklist(['success', 'failure', 'delay']))])),
  originalRecipient: v.exactOptional(v.string()),
});

const EnvelopeRecord = v.object({
  reversePath: v.nullable(Mailbox),
  recipients: v.tupleWithRest([Recipient], Recipient),
  parameters: v.object({
    body: v.exactOptional(v.picklist(['7BIT', '8BITMIME', 'BINARYMIME'])),
    smtpUtf8: v.exactOptional(v.literal(true)),
    ret: v.exactOptional(v.picklist(['full', 'headers'])),
    envelopeId: v.exactOptional(v.string()),
  }),
  givenSender: v.exactOptional(Mailbox),
});

const Commit: v.GenericSchema<unknown, CommitRecord> = v.object({
  envelope: EnvelopeRecord,
  device: v.string(),
  received: v.pipe(
    v.number(),
    v.transform((time) => time as WallTime),
  ),
  running: v.number(),
});

const Outcome: v.GenericSchema<unknown, OutcomeRecord> = v.object({
  attempts: v.number(),
  settled: v.array(v.number()),
  warned: v.exactOptional(v.boolean()),
  running: v.exactOptional(v.number()),
});

const Count = v.object({ octets: v.number(), syncs: v.number() });

/** The form of `Facts`, for the header, which holds them among other things. */
export const FactsSchema: v.GenericSchema<unknown, Facts> = v.object({
  instance: v.string(),
  nextNumber: v.number(),
  running: v.number(),
  newest: v.exactOptional(v.number()),
  flash: v.exactOptional(v.object({ total: Count, today: Count, day: v.number() })),
  upstream: v.exactOptional(v.object({ size: v.exactOptional(v.number()), smtpUtf8: v.boolean(), binaryMime: v.boolean() })),
});

/** Reads JSON of the form that `schema` describes; `what` names it in the error. Throws UnexpectedRecord. */
export function decodeJson<T>(what: string, schema: v.GenericSchema<unknown, T>, octets: Buffer): T {
  let json: unknown;
  try {
    json = JSON.parse(octets.toString('utf8'));
  } catch (cause) {
    throw new UnexpectedRecord(`${what} is not JSON`, { cause });
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new UnexpectedRecord(`${what} is not as expected: ${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`);
}

/** A commit frame's payload as its record. Throws UnexpectedRecord. */
export const decodeCommit = (payload: Buffer): CommitRecord => decodeJson('a commit record', Commit, payload);

/** An outcome frame's payload as its record. Throws UnexpectedRecord. */
export const decodeOutcome = (payload: Buffer): OutcomeRecord => decodeJson('an outcome record', Outcome, payload);

/** A facts frame's payload as the facts. Throws UnexpectedRecord. */
export const decodeFacts = (payload: Buffer): Facts => decodeJson("a record of the spool's facts", FactsSchema, payload);

/** The payload of a commit, outcome or facts frame. */
export function encodeRecord(record: CommitRecord | OutcomeRecord | Facts): Buffer {
  return Buffer.from(JSON.stringify(record));
}
