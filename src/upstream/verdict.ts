// What a refusal means: the one table from stage, code, enhanced status and words of a reply to what it is about, and
// what the owner of the board can do. Deed, pace, log and advice all follow from here. Pure.
//
// A provider's habit is one row of src/upstream/refusals, with its source; the first row that fits decides, and rows
// that know the words stand before those that know the code alone (RFC 5321, section 4.2.1; RFC 3463). What fails
// without a reply is in explain.ts.

import type { RemoteReply } from '../smtp/reply.ts';
import type { Stage } from '../vocabulary/attempt.ts';
import { type Cause, isOfPace, isOfUpstream } from '../vocabulary/cause.ts';
import { ACCOUNT } from './refusals/account.ts';
import { LOGIN } from './refusals/login.ts';
import { MESSAGE } from './refusals/message.ts';
import type { Context, Row } from './refusals/row.ts';
import { SESSION } from './refusals/session.ts';
import { TOO_MUCH } from './refusals/too-much.ts';

/** What a reply of code 400 or above, or one that is out of step, means. */
export type Verdict = {
  readonly cause: Cause;
  /** Whether trying again is of no use to the message or recipient. */
  readonly isFinal: boolean;
  /** A sentence for the owner of the board, without a full stop; undefined where none is known. */
  readonly advice: string | undefined;
};

const TABLE: readonly Row[] = [...LOGIN, ...SESSION, ...ACCOUNT, ...TOO_MUCH, ...MESSAGE];
const OTHERWISE: Verdict = { cause: 'plain', isFinal: false, advice: undefined };

/** What the reply to a command of this stage means. */
export function judge(stage: Stage, reply: RemoteReply, context: Context): Verdict {
  if (reply.code < 400) return OTHERWISE; // out of step with the commands
  const row = rowFor(stage, reply, context);
  if (row === undefined) return OTHERWISE;
  const { cause, isFinal = false, advice } = row;
  // RFC 5321, section 6.1, wants the null reverse-path to be taken; submission services take their account's address
  // alone, and say so in any words.
  if (context.isNullPath && !isOfUpstream(cause) && !isOfPace(cause) && (stage === 'mail' || cause === 'sender'))
    return { cause: 'null-path', isFinal: true, advice };
  if (cause === 'null-path') return { cause: 'sender', isFinal: false, advice };
  // A connection that is new has not served its turn: the upstream is unavailable.
  if (cause === 'connection' && !context.isKept) return { cause: 'plain', isFinal, advice };
  return { cause, isFinal, advice };
}

function rowFor(stage: Stage, reply: RemoteReply, { hasAccount, isKept, hasParameters }: Context): Row | undefined {
  const code = String(reply.code);
  const status = reply.status ?? '';
  // A status stands at the beginning of each line, amid a sentence.
  const text = `${status} ${reply.lines.map((line) => line.replace(/^[245]\.\d{1,3}\.\d{1,3} /, '')).join(' ')}`;
  return TABLE.find(
    (row) =>
      row.at?.includes(stage) !== false &&
      row.code?.test(code) !== false &&
      row.status?.test(status) !== false &&
      row.words?.test(text) !== false &&
      (row.hasAccount ?? hasAccount) === hasAccount &&
      (row.isKept ?? isKept) === isKept &&
      (row.hasParameters ?? hasParameters) === hasParameters,
  );
}
