// What to do about a refusal, in a sentence beside the raw reply: providers say the same few things in
// codes and links that a person in front of a camera can't act upon. Pure; a table, first match wins.
// Sources: the error references of Google Workspace and Exchange Online, Postfix's own texts, and what
// users of the peers ask about most.

import { describeReply } from '../smtp/reply.ts';
import type { Failure } from '../vocabulary/attempt.ts';

type Known = {
  /** Matches the reply on one line, `535 5.7.8 text`, or the problem where there was no reply. */
  readonly says: RegExp;
  /** Only at these stages; at any when absent. */
  readonly at?: readonly Failure['stage'][];
  readonly advice: string;
};

const TABLE: readonly Known[] = [
  // Logging in
  {
    says: /^53[45].*(?:application-specific password|InvalidSecondFactor|app(?:lication)? password)/i,
    advice: 'the provider wants an app password here, made on its security page; the password of the account itself does not work',
  },
  {
    says: /^535 5\.7\.139|basic authentication is disabled|SmtpClientAuthentication is disabled/i,
    advice:
      'the provider has switched password logins for SMTP off: its administrator can allow "Authenticated SMTP" for this mailbox, or use another provider for this relay',
  },
  {
    says: /^(?:454 4\.7\.0|421 4\.7\.0).*login|too many (?:bad )?(?:login|auth)|^535 .*AUTH005/i,
    advice: 'too many logins in a short time: the relay waits by itself; GATEPOST_UPSTREAM_CONNECTIONS=1 makes fewer',
  },
  {
    says: /^534|web ?browser/i,
    at: ['auth'],
    advice: 'the provider wants the owner of the account to confirm the login in a web browser, once',
  },
  {
    says: /^535/,
    at: ['auth'],
    advice:
      'user name or password are wrong, or the account may not use SMTP; with two-factor login most providers want an app password; a server that offers more mechanisms than it can do may need GATEPOST_UPSTREAM_AUTH=plain. The relay tries again only seldom, so that the account is not locked',
  },
  {
    says: /^(?:530|550 5\.7\.57)|relay(?:ing)? (?:access )?denied|relaying disallowed|relaying not permitted|not authenticated/i,
    advice: 'the upstream wants a login before it takes mail: set GATEPOST_UPSTREAM_USERNAME and GATEPOST_UPSTREAM_PASSWORD',
  },
  {
    says: /credentials are never sent without TLS/,
    advice: 'use smtp:// or smtps:// in GATEPOST_UPSTREAM, or GATEPOST_UPSTREAM_AUTH=none',
  },
  {
    says: /^the server offers .*(?:XOAUTH2|OAUTHBEARER)/,
    advice: 'the provider takes OAuth tokens only; this relay logs in with passwords (an app password, where the provider has them)',
  },

  // The sender
  {
    says: /5\.7\.60|SendAsDenied|5\.2\.252|not owned by user|not allowed to send as|does not match a verified Sender|address is not verified|from address (?:is )?not|mail from not allowed|sender (?:address )?(?:is )?(?:not allowed|rejected)|5\.1\.8/i,
    advice: 'the provider only takes mail from its own account: set GATEPOST_SENDER to the address of the account',
  },

  // Too much
  {
    says: /^55\d 5\.4\.5|daily (?:user )?sending (?:limit|quota)|^(?!\d+ [45]\.2\.2).*quota exceeded|sending limit|maximum credits/i,
    advice:
      "the account's quota for this day is used up: the relay waits; a device may be sending far too much (GATEPOST_DEVICE_RATE limits it)",
  },
  {
    says: /^55[24] 5\.3\.4|^552 .*(?:size|too (?:large|big))|message size exceeds/i,
    advice: 'the message is too large for the provider: let the device send smaller pictures',
  },
  {
    says: /^432|^42\d.*4\.7\.|^45\d 4\.7\.|concurrent connections|rate (?:limit )?exceed|too many (?!recipients)|throttl|unusual rate/i,
    advice:
      'the provider wants less at once: the relay slows down by itself; GATEPOST_UPSTREAM_RATE and GATEPOST_UPSTREAM_CONNECTIONS=1 set a limit',
  },
  {
    says: /^[45]52 [45]\.2\.2|mailbox (?:is )?full|over quota/i,
    advice: "the recipient's mailbox is full",
  },
  {
    says: /spamhaus|barracuda|blocked using|blacklist|blocklist|dynamic ip|residential/i,
    advice:
      "the address of this internet connection is on a blocklist: use the provider's submission port (587 or 465) with a login, not port 25",
  },

  // The way there
  {
    says: /does not exist|can't be looked up/,
    at: ['resolve'],
    advice: 'DNS: is the name in GATEPOST_UPSTREAM right, and does this board have a DNS server (/etc/resolv.conf)?',
  },
  {
    says: /does not answer|took too long/,
    at: ['connect', 'greeting'],
    advice: 'many internet providers block port 25, some others too: try port 587 or 465; a firewall on the way may also be the reason',
  },
  { says: /refuses the connection/, at: ['connect'], advice: 'is the port in GATEPOST_UPSTREAM right? 587 for smtp://, 465 for smtps://' },
  { says: /no route to/, at: ['connect'], advice: 'this board has no network at the moment; the relay goes on when it is back' },
  {
    says: /no SMTP reply: "(?:HTTP\/|<|\\u0015|\\u0016)/i,
    advice: 'something else answers on that port: a captive portal, a proxy or a web server; or smtps:// and smtp:// are mixed up',
  },
  {
    says: /is not for|ERR_TLS_CERT_ALTNAME_INVALID/,
    at: ['tls'],
    advice: 'either the name in GATEPOST_UPSTREAM is not the one the provider tells to use, or a captive portal or a proxy sits in between',
  },
  {
    says: /not yet valid/,
    at: ['tls'],
    advice: "this board's clock is behind: deliveries wait, and go at once when it is set (NTP)",
  },
  {
    says: /has expired/,
    at: ['tls'],
    advice:
      "either this board's clock is ahead, or the upstream has forgotten to renew its certificate; deliveries go at once when the clock is set",
  },
  {
    says: /wrong version number|packet length too long|unknown protocol|handshake failed|closed the connection during the handshake/i,
    at: ['tls'],
    advice: 'TLS was not understood: smtps:// goes to port 465, smtp:// to 587; or a proxy sits in between',
  },
  {
    says: /does not offer STARTTLS/,
    advice: "a firewall or an internet provider may be removing STARTTLS on the way; smtps:// on port 465 can't be tampered with like that",
  },
];

/** A sentence for the owner of the board, without a full stop; undefined for what is not known. */
export function adviceFor(failure: Failure): string | undefined {
  const text = failure.reply === undefined ? ('problem' in failure ? (failure.problem ?? '') : '') : describeReply(failure.reply);
  return TABLE.find(({ says, at }) => says.test(text) && (at === undefined || at.includes(failure.stage)))?.advice;
}

/** The failure with advice, where there is any. */
export function explained<F extends Failure>(failure: F): F {
  const advice = adviceFor(failure);
  return advice === undefined ? failure : { ...failure, advice };
}
