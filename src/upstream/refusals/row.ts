// A row of the table of refusals: what it matches, what it means, and where it is known from.

import type { Stage, TransactionStage } from '../../vocabulary/attempt.ts';
import type { Cause } from '../../vocabulary/cause.ts';

/** What else decides on the meaning of a reply. */
export type Context = {
  /** Whether the relay logs in to this upstream. */
  readonly hasAccount: boolean;
  /** Whether the connection has carried a message before. */
  readonly isKept: boolean;
  /** Whether the transaction has the null reverse-path. */
  readonly isNullPath: boolean;
  /** Whether the command that is answered had parameters of an extension. */
  readonly hasParameters: boolean;
};

/** One habit of a provider: all that it names must match. The first row that does decides. */
export type Row = {
  /** What it is about, in a word, for who reads the table. */
  readonly about: string;
  /** The stages that it is valid at; all when absent. */
  readonly at?: readonly Stage[];
  /** Matches the three digits. */
  readonly code?: RegExp;
  /** Matches the enhanced status; the empty string where the reply has none. */
  readonly status?: RegExp;
  /** Matches the status and the text of all lines, on one line. */
  readonly words?: RegExp;
  /** Only with a login, or only without. */
  readonly hasAccount?: boolean;
  /** Only on a connection that has carried a message before. */
  readonly isKept?: true;
  /** Only where the command had parameters of an extension. */
  readonly hasParameters?: true;
  readonly cause: Cause;
  /** Whether trying again is of no use to the message or recipient. */
  readonly isFinal?: true;
  /** A sentence for the owner of the board, without a full stop. */
  readonly advice?: string;
  /** A provider's reference, a thread or a section of an RFC. */
  readonly source: string;
};

/** The stages of a mail transaction at which a reply comes. */
export const TRANSACTION: readonly TransactionStage[] = ['mail', 'rcpt', 'data', 'end-of-data'];
