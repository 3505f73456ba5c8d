// What a refusal means: the one table from stage, code, enhanced status and words of a reply to what it is about, why
// it was said, whether it is final, and what the owner of the board can do. Deed, pace, log and advice all follow from
// here. Pure.
//
// A provider's habit is one row. Rows that know the words come before those that know the code alone, and each field
// comes from the first matching row that has it: a row of words that gives advice only leaves the rest to its code (RFC
// 5321, section 4.2.1; RFC 3463). Sources: the error references of Google Workspace and Exchange Online, Postfix's own
// texts, and what users of other relays ask about most. What fails without a reply is in explain.ts.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Cause, Scope, Stage, TransactionStage } from '../vocabulary/attempt.ts';

/** What a reply of code 400 or above, or one that is out of step, means. */
export type Verdict = {
  readonly scope: Scope;
  readonly cause: Cause;
  /** Whether trying again is of no use to the message or recipient. */
  readonly isFinal: boolean;
  /** A sentence for the owner of the board, without a full stop; absent where none is known. */
  readonly advice?: string;
};

type Row = Partial<Verdict> & {
  /** Matches the reply on one line: `535 5.7.8 text`; any reply when absent. */
  readonly says?: RegExp;
  /** The stages that it is valid at; all when absent. */
  readonly at?: readonly Stage[];
};

const ENVELOPE_AND_DATA: readonly TransactionStage[] = ['mail', 'rcpt', 'data', 'end-of-data'];
// 454 to STARTTLS means that TLS is not to be had (RFC 3207, section 4), whatever its status.
const ALL_BUT_STARTTLS: readonly Stage[] = ['greeting', 'ehlo', 'auth', ...ENVELOPE_AND_DATA];

const SEND_LESS =
  'the provider wants less at once: the relay slows down by itself; ' +
  'GATEPOST_UPSTREAM_RATE and GATEPOST_UPSTREAM_CONNECTIONS=1 set a limit';
const QUOTA_USED_UP =
  "the account's quota for this day is used up: the relay waits; a device may be sending far too much (GATEPOST_DEVICE_RATE limits it)";
const SET_THE_LOGIN = 'the upstream wants a login before it takes mail: set GATEPOST_UPSTREAM_USERNAME and GATEPOST_UPSTREAM_PASSWORD';
const SET_THE_SENDER = 'the provider only takes mail from its own account: set GATEPOST_SENDER to the address of the account';

const LOGIN: readonly Row[] = [
  // Google Workspace, and others with two-factor login
  {
    says: /^53[45].*(?:application-specific password|InvalidSecondFactor|app(?:lication)? password)/i,
    advice: 'the provider wants an app password here, made on its security page; the password of the account itself does not work',
  },
  // Exchange Online
  {
    says: /^535 5\.7\.139|basic authentication is disabled|SmtpClientAuthentication is disabled/i,
    advice:
      'the provider has switched password logins for SMTP off: its administrator can allow "Authenticated SMTP" for this mailbox, ' +
      'or use another provider for this relay',
  },
  // Google Workspace; "(#AUTH005) Too many bad auth attempts" is of Yahoo
  {
    says: /^(?:454 4\.7\.0|421 4\.7\.0).*login|too many (?:bad )?(?:login|auth)|^535 .*AUTH005/i,
    advice: 'too many logins in a short time: the relay waits by itself; GATEPOST_UPSTREAM_CONNECTIONS=1 makes fewer',
  },
  // Google Workspace
  {
    says: /^534|web ?browser/i,
    at: ['auth'],
    advice: 'the provider wants the owner of the account to confirm the login in a web browser, once',
  },
  {
    says: /^535/,
    at: ['auth'],
    advice:
      'user name or password are wrong, or the account may not use SMTP; with two-factor login most providers want an app password; ' +
      'a server that offers more mechanisms than it can do may need GATEPOST_UPSTREAM_AUTH=plain. ' +
      'The relay tries again only seldom, so that the account is not locked',
  },
  { says: /^530/, advice: SET_THE_LOGIN },
  // Exchange Online
  { says: /^550 5\.7\.57/, advice: SET_THE_LOGIN },
  // Postfix, Exim, Sendmail, Exchange
  {
    says: /relay(?:ing)? (?:access )?denied|relaying disallowed|relaying not permitted|not authenticated/i,
    advice: SET_THE_LOGIN,
  },
];

const SENDER: readonly Row[] = [
  // Exchange Online
  { says: /5\.7\.60|SendAsDenied|5\.2\.252|not allowed to send as/i, advice: SET_THE_SENDER },
  // Postfix's reject_sender_login_mismatch
  { says: /not owned by user/i, advice: SET_THE_SENDER },
  // Senders that are to be verified first: SendGrid, Amazon SES
  { says: /does not match a verified Sender|address is not verified|from address (?:is )?not/i, advice: SET_THE_SENDER },
  { says: /mail from not allowed|sender (?:address )?(?:is )?(?:not allowed|rejected)|5\.1\.8/i, advice: SET_THE_SENDER },
];

const TOO_MUCH: readonly Row[] = [
  // Google Workspace gives 550 when the account's quota for the day is used up. The message is all right, and goes
  // tomorrow.
  {
    says: /^5\d\d 5\.4\.5(?: |$)/,
    at: ALL_BUT_STARTTLS,
    scope: 'account',
    cause: 'quota',
    isFinal: false,
    advice: QUOTA_USED_UP,
  },
  {
    says: /daily (?:user )?sending (?:limit|quota)|^(?!\d+ [45]\.2\.2).*quota exceeded|sending limit|maximum credits/i,
    advice: QUOTA_USED_UP,
  },
  {
    says: /^55[24] 5\.3\.4|^552 .*(?:size|too (?:large|big))|message size exceeds/i,
    advice: 'the message is too large for the provider: let the device send smaller pictures',
  },
  // 421 ends the session, whatever command it answers (RFC 5321, section 3.8).
  { says: /^421 4\.7\./, at: ALL_BUT_STARTTLS, scope: 'session', cause: 'throttled', advice: SEND_LESS },
  { says: /^(?:432|45[014] 4\.7\.)/, at: ALL_BUT_STARTTLS, scope: 'account', cause: 'throttled', isFinal: false, advice: SEND_LESS },
  { says: /concurrent connections|rate (?:limit )?exceed|too many (?!recipients)|throttl|unusual rate/i, advice: SEND_LESS },
];

const OTHERS: readonly Row[] = [
  { says: /^[45]52 [45]\.2\.2|mailbox (?:is )?full|over quota/i, advice: "the recipient's mailbox is full" },
  {
    says: /spamhaus|barracuda|blocked using|blacklist|blocklist|dynamic ip|residential/i,
    advice:
      "the address of this internet connection is on a blocklist: use the provider's submission port (587 or 465) with a login, " +
      'not port 25',
  },
];

/** What a reply means by its code and stage, where its words are not known. */
const CODES: readonly Row[] = [
  { says: /^421/, scope: 'session' },
  { says: /^[123]/, scope: 'session' }, // out of step with the commands
  { says: /^5/, at: ['auth'], scope: 'session', cause: 'login-refused' },
  // RFC 5321, section 4.5.3.1.10: 552 is how old servers say "too many recipients"; the rest of them goes next time.
  { says: /^552 (?:5\.5\.3(?: |$)|(?!5\.\d{1,3}\.\d))/, at: ['rcpt'], cause: 'too-many-recipients', isFinal: false },
  { says: /^5/, at: ENVELOPE_AND_DATA, isFinal: true },
  { at: ['rcpt'], scope: 'recipient' },
  { at: ENVELOPE_AND_DATA, scope: 'message' },
  { at: ['ehlo', 'starttls', 'auth'], scope: 'session' },
];

const TABLE: readonly Row[] = [...LOGIN, ...SENDER, ...TOO_MUCH, ...OTHERS, ...CODES];
const OTHERWISE: Verdict = { scope: 'upstream', cause: 'plain', isFinal: false };

/** What the reply to a command of this stage means. */
export function judge(stage: Stage, reply: RemoteReply): Verdict {
  const line = describeReply(reply);
  const verdict = { ...OTHERWISE };
  for (const { says, at, ...known } of TABLE.toReversed())
    if (says?.test(line) !== false && at?.includes(stage) !== false) Object.assign(verdict, known);
  return verdict;
}

// RFC 4954, section 6: these speak of the login, whatever command they answer.
const ABOUT_THE_LOGIN: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/**
 * The stage that the reply is about: `auth` where it speaks of the login, else the one of the command that it answers.
 */
export function stageOf<S extends Stage>(stage: S, { code }: RemoteReply): S | 'auth' {
  return ABOUT_THE_LOGIN.has(code) ? 'auth' : stage;
}
