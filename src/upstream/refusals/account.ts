// What refusals of the account mean within a transaction: a login is wanted, the sender is not the account's, the
// account is locked, the board's address is not welcome. No message is to blame for any of them.

import { type Row, TRANSACTION } from './row.ts';

const SET_THE_SENDER = 'the provider only takes mail from its own account: set GATEPOST_SENDER to the address of the account';
const SET_THE_LOGIN = 'the upstream wants a login before it takes mail: set GATEPOST_UPSTREAM_USERNAME and GATEPOST_UPSTREAM_PASSWORD';
const LOCKED =
  'the provider has locked the account, or takes it for hijacked: its owner has to open it again, on ' +
  'the web page of the provider. The relay keeps all and tries again';

/** Rows of refusals of the account. */
export const ACCOUNT: readonly Row[] = [
  {
    about: 'domain',
    at: ['end-of-data', 'rcpt', 'mail'],
    status: /^5\.7\.(?:26|515|23)$/,
    cause: 'unknown',
    advice:
      "the sender's domain does not say in DNS (SPF, DKIM, DMARC) that this provider may send for it: set " +
      "GATEPOST_SENDER to an address of the provider's own",
    source: 'Google 5.7.26; Outlook.com 5.7.515',
  },
  {
    about: 'hello',
    at: TRANSACTION,
    words: /(?:helo|ehlo) command rejected|invalid (?:helo|ehlo)|(?:helo|ehlo) name|need fully-qualified hostname/i,
    cause: 'plain',
    advice: 'the provider wants a full name in EHLO: set GATEPOST_HOSTNAME to one, such as gate.example.org',
    source: 'Postfix, reject_non_fqdn_helo_hostname; zone-mta#162',
  },
  {
    about: 'pipelining',
    at: TRANSACTION,
    words: /improper (?:use of smtp )?command pipelining|pipelining (?:is )?not (?:supported|allowed)/i,
    cause: 'extension',
    source: 'Postfix, reject_unauth_pipelining',
  },
  {
    about: 'sender',
    at: ['mail', 'rcpt', 'end-of-data'],
    words:
      /relaying disallowed as|not owned by|(?:authori[sz]ed|authori[sz]ation) user|send[- ]?as|send as this sender|verified sender|address is not verified|sender (?:domain|address) (?:is )?not verified|invalid return path|sender verify failed|sender address rejected: domain not found|from address is not|sender (?:address )?(?:is )?not allowed|not authorized to send from|mail from not allowed/i,
    cause: 'sender',
    advice: SET_THE_SENDER,
    source: 'Postfix; Zoho; NetEase; QQ; SendGrid; Amazon SES; SMTP2GO; Exchange; Proton Bridge',
  },
  {
    about: 'sender',
    at: ['mail', 'rcpt', 'end-of-data'],
    status: /^5\.(?:7\.60|2\.252)$/,
    cause: 'sender',
    advice: SET_THE_SENDER,
    source: 'Exchange Online',
  },
  {
    about: 'sender',
    at: ['data', 'end-of-data'],
    words: /is not allowed to send: sandbox/i,
    cause: 'sender',
    advice: 'the domain of the sender is not set up at the provider: set GATEPOST_SENDER to an address that is',
    source: 'Mailgun, 421 at DATA',
  },
  {
    about: 'sender',
    at: ['rcpt'],
    hasAccount: true,
    words: /sender address rejected: not logged in/i,
    cause: 'sender',
    advice: SET_THE_SENDER,
    source: 'Postfix, reject_sender_login_mismatch',
  },
  {
    about: 'login-wanted',
    at: TRANSACTION,
    code: /^5/,
    hasAccount: false,
    words:
      /authentication (?:is |turned )?(?:required|on)|turn on smtp auth|smtp auth is required|need ehlo and auth|unauthenticated (?:senders|mail)|not (?:been )?authenticated|without authentication|please authenticate|(?:log ?in|authenticate) (?:first|before)|not logged in|invalid credentials for relay|5\.7\.57/i,
    cause: 'plain',
    advice: SET_THE_LOGIN,
    source: 'SendGrid; NetEase; Google relay; cPanel; SocketLabs; SMTP2GO; Exchange',
  },
  {
    about: 'login-wanted',
    at: TRANSACTION,
    code: /^530$/,
    hasAccount: false,
    cause: 'plain',
    advice: SET_THE_LOGIN,
    source: 'RFC 4954, 6',
  },
  {
    about: 'login-lost',
    at: TRANSACTION,
    code: /^(?:530|535|538)$/,
    hasAccount: true,
    cause: 'plain',
    advice: 'the upstream wants a login, although the relay has logged in: may this account send mail?',
    source: 'RFC 4954, 6',
  },
  {
    about: 'login-wanted',
    at: TRANSACTION,
    code: /^5/,
    hasAccount: false,
    words:
      /relay(?:ing)? (?:access )?denied|relaying (?:not permitted|not allowed|disallowed|prohibited)|not permitted to relay|unable to relay|my list of allowed rcpthosts/i,
    cause: 'plain',
    advice: SET_THE_LOGIN,
    source: 'Postfix; Sendmail; Exchange; qmail',
  },
  {
    about: 'relay-denied',
    at: ['rcpt'],
    code: /^5/,
    hasAccount: true,
    words:
      /relay(?:ing)? (?:access )?denied|relaying (?:not permitted|not allowed|disallowed|prohibited)|not permitted to relay|unable to relay/i,
    cause: 'unknown',
    advice:
      'the provider does not send to this address, although the login is right; if it says so of every ' +
      'address, the account may not relay',
    source: 'nodemailer#1480',
  },
  {
    about: 'account',
    at: TRANSACTION,
    words:
      /bad outbound sender|outgoing mail (?:suspension|hold)|OutboundSpamException|unusual (?:sending activity|amount of unsolicited email originating)|tenant has exceeded|spam abuse detected|address locked or deactivated|please activate your|sender throttled due to continuous/i,
    cause: 'quota',
    advice: LOCKED,
    source: 'cPanel; Exchange Online; Outlook.com; Zoho; Fastmail; Mailgun',
  },
  {
    about: 'account',
    at: ['mail', 'data', 'end-of-data'],
    status: /^(?!5\.[12]\.)/,
    words: /\b(?:account|user|sender) (?:is |has been )?(?:locked|blocked|disabled|suspended|terminated|not active)/i,
    cause: 'quota',
    advice: LOCKED,
    source: 'hosters; never at RCPT, where it is the recipient',
  },
  {
    about: 'account-full',
    at: ['end-of-data'],
    words: /STOREDRV\.Submission/,
    status: /^5\.2\.2$/,
    cause: 'quota',
    advice: 'the mailbox of the account itself is full (of sent mail, perhaps): its owner has to make room',
    source: 'Microsoft, SMTP submission',
  },
  {
    about: 'address',
    at: TRANSACTION,
    words: /that ip address is not allowed|traffic not accepted from this ip|client host rejected|cannot find your (?:reverse )?hostname/i,
    cause: 'plain',
    advice:
      'the provider does not take mail from the address of this internet connection: ask it to, or use its ' +
      'submission port (587 or 465) with a login',
    source: 'SMTP2GO; Exchange Online 5.7.708; Postfix, reject_unknown_client_hostname',
  },
];
