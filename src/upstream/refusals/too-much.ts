// What "too much" means: of the account, or of one recipient in words that resemble it. Exchange Online, Google and
// hosters say it with any code, so that the words decide before the code does.

import { type Row, TRANSACTION } from './row.ts';

const FULL = "the recipient's mailbox is full";
const SEND_LESS = 'the provider wants less at once: the relay slows down by itself; GATEPOST_UPSTREAM_RATE sets a limit';

/** Rows of refusals of one recipient, which would else be taken for "too much". */
const RECIPIENT: readonly Row[] = [
  {
    about: 'recipient-busy',
    at: ['rcpt', 'end-of-data'],
    words: /the user you are trying to contact is receiving mail/i,
    cause: 'message',
    source: 'Google, 450 4.2.1',
  },
  {
    about: 'greylisted',
    at: ['rcpt', 'data', 'end-of-data'],
    code: /^4/,
    words: /gr[ea]y-?list|try again in (?:a few|\d{1,3}) (?:seconds|minutes)[^.]{0,20}gr[ea]y/i,
    cause: 'message',
    source: 'Postgrey; milter-greylist; security.md M7',
  },
  { about: 'recipient-domain', at: ['rcpt'], code: /^4/, words: /for rcpt domain/i, cause: 'message', source: 'Google, 421 4.7.0' },
  {
    about: 'recipient-full',
    at: ['rcpt', 'end-of-data'],
    status: /^5\.2\.2$/,
    cause: 'message',
    isFinal: true,
    advice: FULL,
    source: 'RFC 3463, X.2.2',
  },
  { about: 'recipient-full', at: ['rcpt', 'end-of-data'], status: /^4\.2\.2$/, cause: 'message', advice: FULL, source: 'RFC 3463, X.2.2' },
  {
    about: 'recipient-full',
    at: ['rcpt', 'end-of-data'],
    code: /^5/,
    words:
      /mailbox (?:is |for user is )?full|(?:mailbox|user|recipient)[^.]{0,40}(?:over|exceeded)[^.]{0,20}quota|insufficient (?:system )?storage for (?:user|recipient)/i,
    cause: 'message',
    isFinal: true,
    advice: FULL,
    source: 'Dovecot; hosters',
  },
  {
    about: 'recipient-full',
    at: ['rcpt', 'end-of-data'],
    code: /^4/,
    words:
      /mailbox (?:is |for user is )?full|(?:mailbox|user|recipient)[^.]{0,40}(?:over|exceeded)[^.]{0,20}quota|insufficient (?:system )?storage for (?:user|recipient)/i,
    cause: 'message',
    advice: FULL,
    source: 'Dovecot; the 4yz of those',
  },
  {
    about: 'too-many-recipients',
    at: ['rcpt'],
    code: /^(?:452|552)$/,
    words: /too many recipients/i,
    cause: 'message',
    source: 'RFC 5321, 4.5.3.1.10',
  },
];

const ACCOUNT: readonly Row[] = [
  {
    about: 'quota',
    at: TRANSACTION,
    status: /^5\.4\.5$/,
    cause: 'quota',
    advice:
      "the account's quota for this day is used up: the relay keeps all and waits; a device may be sending " +
      'far too much (GATEPOST_DEVICE_RATE limits it)',
    source: 'Google, 550 5.4.5',
  },
  {
    about: 'quota',
    at: TRANSACTION,
    words:
      /quota exceeded|SubmissionQuotaExceeded|queue quota|daily [^.]{0,40}(?:limit|quota)|(?:messages|emails|mails) (?:per|a) (?:day|month)|recipient limit exceeded|relay (?:sending )?limit exceeded for (?:user|customer)|(?:max|maximum) (?:emails|defers and failures) per hour|credits exceeded|(?:messages|emails|mails) \/ (?:hour|day)/i,
    cause: 'quota',
    advice:
      "the account's quota is used up: the relay keeps all and waits; a device may be sending far too much " +
      '(GATEPOST_DEVICE_RATE limits it)',
    source: 'policyd; Amazon SES; Microsoft 365; Google relay; cPanel; Mailgun; emailit',
  },
  {
    about: 'rate',
    at: TRANSACTION,
    words:
      /throttl|rate ?limit|sending rate|connection rate|(?:messages|emails|mails) per (?:second|minute|hour)|too (?:many|much) (?:messages|emails|e-mails|e?mail\b)|too (?:fast|quickly)|wait to send|slow down|send limit exceeded|(?:number|messages) messages? per hour exceeded|unusual rate|rate limited|limit exceeded for (?:user|customer)|failure sending mail\. try again later/i,
    cause: 'throttled',
    advice: SEND_LESS,
    source: 'Amazon SES; Mailtrap; Purelymail; Mailu; rspamd; postfwd; MailChannels; IONOS; Google; GMX',
  },
  {
    about: 'rate',
    at: ['mail'],
    code: /^45[02]$/,
    status: /^4\.(?:4\.5|5\.3|3\.2|7\.1)$/,
    cause: 'throttled',
    advice: SEND_LESS,
    source: 'emailit; Sendmail; 452 to MAIL names no recipient',
  },
  { about: 'rate', at: TRANSACTION, code: /^432$/, cause: 'throttled', advice: SEND_LESS, source: 'Exchange Online' },
  {
    about: 'rate',
    at: TRANSACTION,
    code: /^451$/,
    status: /^4\.7\.[5-6]\d\d$/,
    cause: 'throttled',
    advice: SEND_LESS,
    source: 'Exchange Online, 451 4.7.500 to 699',
  },
];

/** Rows of refusals that ask for less, or for later. */
export const TOO_MUCH: readonly Row[] = [...RECIPIENT, ...ACCOUNT];
