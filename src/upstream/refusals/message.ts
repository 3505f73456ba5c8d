// What refusals of one message or recipient mean, and what is not known: there the structure of several refusals
// decides (src/delivery/evidence.ts).

import { type Row, TRANSACTION } from './row.ts';

const TOO_LARGE = 'the message is too large for the provider: let the device send smaller pictures';

/** Rows of refusals of one message or recipient. */
export const MESSAGE: readonly Row[] = [
  {
    about: 'null-path',
    at: ['mail'],
    code: /^5/,
    words: /invalid mail from|mail arg syntax|empty (?:envelope )?(?:sender|from)|null sender/i,
    cause: 'null-path',
    source: 'Amazon SES; inbucket#164',
  },
  {
    about: 'parameter',
    at: ['mail', 'rcpt'],
    code: /^(?:501|504|555)$/,
    words:
      /unsupported option|unknown (?:option|parameter)|parameters? (?:unrecognized|not (?:recognized|implemented))|syntax error in parameters|BODY=|SIZE=|SMTPUTF8|NOTIFY=|ORCPT=|RET=/i,
    hasParameters: true,
    cause: 'extension',
    source: 'RFC 5321, 4.1.1.11 (555)',
  },
  {
    about: 'conversion',
    at: ['data', 'end-of-data'],
    code: /^55/,
    status: /^5\.6\.[13]$/,
    cause: 'extension',
    advice: 'the provider takes 7 bits only: the message is converted',
    source: 'RFC 3463, X.6.3',
  },
  {
    about: 'too-large',
    at: TRANSACTION,
    code: /^55[24]$/,
    status: /^5\.(?:3\.4|2\.3)$/,
    cause: 'message',
    isFinal: true,
    advice: TOO_LARGE,
    source: 'RFC 3463, X.3.4',
  },
  {
    about: 'too-large',
    at: TRANSACTION,
    code: /^55[24]$/,
    words: /too (?:large|big)|size exceed|exceeds [^.]{0,30}size/i,
    cause: 'message',
    isFinal: true,
    advice: TOO_LARGE,
    source: 'RFC 1870',
  },
  {
    about: 'virus',
    at: ['end-of-data'],
    code: /^5/,
    words: /virus|malware/i,
    cause: 'message',
    isFinal: true,
    advice: 'the provider takes this message for harmful',
    source: 'Zoho',
  },
  {
    about: 'header',
    at: ['end-of-data'],
    code: /^5/,
    words: /reject due to policy restrictions|header/i,
    cause: 'unknown',
    advice:
      "the provider does not like this message's header section, or the account: one valid Date, one From, " +
      'To with addresses; GATEPOST_SENDER makes the From',
    source: 'IONOS, GMX, web.de; hm_email#13',
  },
  {
    about: 'spam',
    at: ['end-of-data'],
    code: /^5/,
    words: /suspicion of spam|spam (?:message|content|detected)|looks like spam|classified as spam|considered spam/i,
    cause: 'message',
    isFinal: true,
    advice: 'the provider takes this message for spam',
    source: 'Yandex; bytecamp',
  },
  {
    about: 'recipient-unknown',
    at: ['rcpt', 'end-of-data'],
    code: /^5/,
    status: /^5\.(?:1\.(?:1|2|3|6|10)|2\.1|4\.4)$/,
    cause: 'message',
    isFinal: true,
    source: 'RFC 3463, X.1.y',
  },
  {
    about: 'recipient-unknown',
    at: ['rcpt'],
    code: /^5/,
    status: /^5\.4\.1$/,
    words: /recipient address rejected|access denied/i,
    cause: 'message',
    isFinal: true,
    source: 'Exchange Online, an address that does not exist there',
  },
  {
    about: 'recipient-unknown',
    at: ['rcpt', 'end-of-data'],
    code: /^5/,
    words:
      /user (?:is )?unknown|unknown (?:user|local|recipient)|no such (?:user|mailbox|recipient|address)|(?:user|recipient|mailbox|account|address)[^.]{0,30}does not exist|recipient[^.]{0,20}not found|mailbox not found|recipient does not accept/i,
    cause: 'message',
    isFinal: true,
    source: 'Postfix; Exim; Sendmail; hosters',
  },
  { about: 'unknown', at: TRANSACTION, code: /^421$/, cause: 'plain', source: 'RFC 5321, 3.8' },
  { about: 'unknown', at: TRANSACTION, code: /^5/, cause: 'unknown', source: 'issue 12, point 1' },
  { about: 'unknown', at: TRANSACTION, code: /^4/, cause: 'unknown', source: 'RFC 5321, 4.2.1; alike to several in a row: slow' },
];
