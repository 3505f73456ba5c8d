// The queue id: names one message as long as the spool holds it, in replies, trace fields and logs. Pure.

declare const queueId: unique symbol;

/** Seven to ten of Crockford's digits; made by `formatQueueId` or checked by `parseQueueId`, nowhere else. */
export type QueueId = string & { readonly [queueId]: true };

// Crockford's base 32: it has no letters that people mistake for digits when they read a queue id aloud.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SHORTEST = 7;
// Ten digits hold 50 bits; a number beyond 53 bits would not be exact.
const LONGEST = 10;

/** The queue id of a message number (a whole number of at most 50 bits). */
export function formatQueueId(number: number): QueueId {
  let text = '';
  for (let rest = number; rest > 0; rest = Math.floor(rest / 32)) text = `${ALPHABET[rest % 32] ?? ''}${text}`;
  return text.padStart(SHORTEST, '0') as QueueId;
}

/** The message number of a queue id. */
export function numberOfQueueId(id: QueueId): number {
  let number = 0;
  for (const digit of id) number = number * 32 + ALPHABET.indexOf(digit);
  return number;
}

/**
 * What a person typed, in either case, as a queue id; undefined when it can't be one.
 *
 * ```ts
 * assert.equal(parseQueueId('00000a7'), formatQueueId(327));
 * assert.equal(parseQueueId('42'), undefined);
 * ```
 */
export function parseQueueId(text: string): QueueId | undefined {
  const id = text.toUpperCase();
  const isOne = id.length >= SHORTEST && id.length <= LONGEST && [...id].every((digit) => ALPHABET.includes(digit));
  return isOne ? (id as QueueId) : undefined;
}
