// What replies to AUTH mean (RFC 4954, sections 4 and 6). A password that was judged wrong is tried again seldom;
// one that was not judged is tried again sooner, but never in quick succession.

import type { Row } from './row.ts';

const TOO_MANY_LOGINS =
  'too many logins or messages in a short time; the password may well be right. The relay waits by itself; ' +
  'GATEPOST_UPSTREAM_CONNECTIONS=1 makes fewer logins';

/** Rows of refusals of a login. */
export const LOGIN: readonly Row[] = [
  {
    about: 'mechanism',
    at: ['auth'],
    code: /^50[0-4]$/,
    cause: 'mechanism',
    advice: 'the provider offers this login mechanism and does not know it; GATEPOST_UPSTREAM_AUTH=plain spares the attempt',
    source: 'RFC 4954, 4 (504); nodemailer#189',
  },
  {
    about: 'mechanism',
    at: ['auth'],
    code: /^53[45]$/,
    words: /invalid authentication mechanism|mechanism (?:is )?(?:not supported|unknown|too weak)|unknown mechanism/i,
    cause: 'mechanism',
    source: 'cakephp#14639',
  },
  {
    about: 'credits',
    at: ['auth'],
    words: /credits? (?:exceeded|expired|blocked)|quota|(?:daily|sending) limit/i,
    cause: 'login',
    advice: "the account's quota is used up: the relay waits, and logs in seldom meanwhile",
    source: 'SendGrid, SMTP errors; ZeptoMail',
  },
  {
    about: 'too-many-logins',
    at: ['auth'],
    code: /^5/,
    words: /too many (?:bad |failed |invalid )?(?:log|auth|attempts)|(?:authenticate|log ?in) too many times|AUTH005/i,
    cause: 'login-refused',
    advice: TOO_MANY_LOGINS,
    source: 'nodemailer#1350; Yahoo, AUTH005',
  },
  {
    about: 'too-many-logins',
    at: ['auth'],
    words:
      /too many (?:bad |failed |invalid )?(?:log|auth|messages|emails|connections|attempts|sessions)|rate limit|too (?:fast|frequent)/i,
    cause: 'login',
    advice: TOO_MANY_LOGINS,
    source: 'Google, 454 4.7.0; cloud4u',
  },
  {
    about: 'passwords-off',
    at: ['auth'],
    words: /5\.7\.139|5\.7\.30\b|basic authentication is (?:disabled|not supported)|SmtpClientAuthentication is disabled/i,
    cause: 'login-refused',
    advice:
      'the provider has switched password logins for SMTP off: its administrator can allow "Authenticated ' +
      'SMTP" for this mailbox as long as the provider still has password logins; or log in with OAuth tokens: ' +
      'see GATEPOST_OAUTH',
    source: 'Microsoft, end of Basic auth; email-oauth2-proxy#193',
  },
  {
    about: 'app-password',
    at: ['auth'],
    code: /^5/,
    words: /app(?:lication)?(?:-specific)? ?password|InvalidSecondFactor|5\.7\.9\b/i,
    cause: 'login-refused',
    advice: 'the provider wants an app password here, made on its security page; the password of the account itself does not work',
    source: 'Google, 534 5.7.9',
  },
  {
    about: 'browser',
    at: ['auth'],
    code: /^53[45]$/,
    words: /web ?browser|WebLoginRequired/i,
    cause: 'login-refused',
    advice: 'the provider wants the owner of the account to confirm the login in a web browser, once',
    source: 'Google, 534',
  },
  {
    about: 'account',
    at: ['auth'],
    code: /^5/,
    words: /(?:account|user|mailbox|sender address) (?:is |has been )?(?:locked|blocked|disabled|suspended)/i,
    cause: 'login-refused',
    advice: 'the provider has locked the account: its owner has to open it again, on the web page of the provider',
    source: 'Zoho, 554 5.1.8 Sender Address Blocked',
  },
  {
    about: 'password',
    at: ['auth'],
    code: /^5/,
    cause: 'login-refused',
    advice:
      'user name or password are wrong, or the account may not use SMTP; with two-factor login most ' +
      'providers want an app password. The relay tries again only seldom, so that the account is not locked',
    source: 'RFC 4954, 4',
  },
  { about: 'server', at: ['auth'], code: /^4/, cause: 'login', source: 'Postfix, 454 4.7.0; Exchange Online, PRX4' },
];
