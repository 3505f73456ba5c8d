// What refusals of the connection mean: too many of them, a blocklist, the name in EHLO, a connection that has carried
// as many messages as it may.

import { type Row, TRANSACTION } from './row.ts';

/** Rows of refusals of a connection. */
export const SESSION: readonly Row[] = [
  {
    about: 'one-connection',
    at: ['greeting', 'ehlo', ...TRANSACTION],
    code: /^4/,
    words:
      /concurrent (?:smtp )?(?:connections|sessions)|concurrent connections? limit|too many (?:concurrent |simultaneous |open |smtp ){0,2}connections|sender thread limit/i,
    cause: 'single',
    advice:
      'the provider takes fewer connections at once: the relay makes one at a time from now on; ' +
      'GATEPOST_UPSTREAM_CONNECTIONS=1 says so from the start',
    source: 'Amazon SES; Microsoft 365 (432 4.3.2)',
  },
  {
    about: 'blocklist',
    at: ['greeting', 'ehlo', ...TRANSACTION],
    words: /spamhaus|barracuda|spamcop|blocked using|black ?list|block ?list|block listed|bad reputation|dynamic ip|residential|NOWL/i,
    cause: 'plain',
    advice:
      "the address of this internet connection is on a blocklist: use the provider's submission port (587 " +
      'or 465) with a login, not port 25',
    source: 'GMX, postmaster; T-Online; Postfix reject_rbl_client',
  },
  {
    about: 'hello',
    at: ['ehlo'],
    cause: 'plain',
    advice: 'the provider does not like the name in EHLO, or is busy: GATEPOST_HOSTNAME should be a full name, such as gate.example.org',
    source: 'Google, 421 4.7.0 at HELO',
  },
  { about: 'server', at: ['greeting'], cause: 'plain', source: 'RFC 5321, 3.1' },
  {
    about: 'session-count',
    at: TRANSACTION,
    words:
      /(?:messages?|mails?|recipients?) (?:count |limit )?(?:per|in this|in one) (?:session|connection)|message count per session|mails per session|messages per session|nonmail commands/i,
    cause: 'connection',
    source: 'Amazon SES; IONOS; Stalwart#1384; KumoMTA',
  },
  { about: 'kept-too-long', at: ['mail'], code: /^421$/, isKept: true, cause: 'connection', source: 'RFC 5321, 3.8' },
  { about: 'session-ended', at: ['mail'], code: /^530$/, isKept: true, hasAccount: true, cause: 'connection', source: 'RFC 4954, 6' },
];
