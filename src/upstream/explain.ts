// What to do about a failure that came without a reply: no route, no TLS, nothing that speaks SMTP. A sentence beside
// the problem, for a person in front of a camera. Pure; a table, the first match wins. Refusals are in verdict.ts.

import type { Stage } from '../vocabulary/attempt.ts';
import type { Cause } from '../vocabulary/cause.ts';

type Known = {
  /** Matches the problem in the relay's own words; any when absent. */
  readonly says?: RegExp;
  /** Only at these stages; at any when absent. */
  readonly at?: readonly Stage[];
  /** Only of this cause; of any when absent. */
  readonly cause?: Cause;
  readonly advice: string;
};

/** What it may mean that a server accepts a connection and says nothing. */
export const ON_SILENCE =
  'the server accepts the connection and says nothing: is it the right port (smtps:// for 465, which waits for TLS; smtp:// for 587), ' +
  'or does a firewall on the way hold the mail back?';

const TABLE: readonly Known[] = [
  {
    says: /credentials are never sent without TLS/,
    advice: 'use smtp:// or smtps:// in GATEPOST_UPSTREAM, or GATEPOST_UPSTREAM_AUTH=none',
  },
  {
    says: /^the server offers [^;]*(?:XOAUTH2|OAUTHBEARER)/,
    advice: 'the provider takes OAuth tokens only: see GATEPOST_OAUTH; no password, not even an app password, will do',
  },
  {
    says: /^the server offers .*; usable here: (?:OAUTHBEARER|XOAUTH2)/,
    advice:
      'this server takes no OAuth tokens: is the host in GATEPOST_UPSTREAM right? Otherwise it wants a password, without GATEPOST_OAUTH',
  },
  {
    says: /does not exist|can't be looked up/,
    at: ['resolve'],
    advice: 'DNS: is the name in GATEPOST_UPSTREAM right, and does this board have a DNS server (/etc/resolv.conf)?',
  },
  { says: /took too long/, at: ['greeting'], advice: ON_SILENCE },
  {
    says: /does not answer/,
    at: ['connect'],
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
    advice:
      'either the name in GATEPOST_UPSTREAM is not the one that the provider prescribes, or a captive portal or a proxy sits in between',
  },
  {
    says: /not yet valid/,
    cause: 'clock',
    advice: "this board's clock is behind: deliveries wait, and go at once when it is set (NTP)",
  },
  {
    cause: 'clock',
    advice:
      "either this board's clock is ahead, or the upstream has forgotten to renew its certificate; " +
      'deliveries go at once when the clock is set',
  },
  {
    says: /does not answer in TLS|wrong version number/,
    at: ['tls'],
    advice: 'the server began in the clear: smtps:// goes to port 465, smtp:// to 587; or a proxy sits in between',
  },
  {
    says: /too long|closed the connection during the handshake/,
    at: ['tls'],
    advice: 'a firewall or a proxy on the way may be breaking TLS, or the server is busy; smtps:// goes to port 465, smtp:// to 587',
  },
  {
    says: /protocol version|unsupported protocol/i,
    at: ['tls'],
    advice: 'the server speaks TLS 1.1 or older only, which is no longer safe: it needs an update',
  },
  {
    // Names that products which open TLS write into the certificates that they sign.
    says: /signed by [^,]{0,100}(?:avast|avg |bitdefender|cisco umbrella|eset |fortigate|fortinet|kaspersky|mail shield|palo alto|sophos|untangle|zscaler)/i,
    at: ['tls'],
    advice:
      'an antivirus program or a firewall on the way opens TLS, as its name in the certificate says: exempt this board there, ' +
      'or name its certificate authority in GATEPOST_UPSTREAM_CA',
  },
  {
    says: /signed by nobody/,
    at: ['tls'],
    advice:
      "if who signed it is not the provider's certificate authority, something on the way opens TLS (a firewall, an antivirus program, " +
      "a captive portal); if it is the server's own, GATEPOST_UPSTREAM_CA or GATEPOST_UPSTREAM_PIN can name it",
  },
  {
    says: /does not offer STARTTLS/,
    advice: "a firewall or an internet provider may be removing STARTTLS on the way; smtps:// on port 465 can't be tampered with like that",
  },
];

/** A sentence for the owner of the board, without a full stop; undefined for what is not known. */
export function adviceOn(stage: Stage, problem: string, cause: Cause): string | undefined {
  return TABLE.find(
    (known) =>
      known.says?.test(problem) !== false && known.at?.includes(stage) !== false && (known.cause === undefined || known.cause === cause),
  )?.advice;
}
