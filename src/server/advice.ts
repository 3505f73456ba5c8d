// What the owner of the board can do about a device that was refused: a sentence that the log shows beside the refusal.
// For refusals of providers, upstream/explain.ts does the same. Pure.

import type { Refusal } from '../smtp/reply.ts';
import * as replies from './replies.ts';

const OF_REFUSALS = new Map<Refusal, string>([
  [
    replies.authRequired,
    'GATEPOST_DEVICE_AUTH=required takes mail from devices that log in only: give this one a user and a password of GATEPOST_DEVICE_USERS',
  ],
  [replies.wrongPassword, "the device's user or password is none of GATEPOST_DEVICE_USERS"],
  [replies.unknownMechanism, 'the device wants another way to log in than those that are offered: choose PLAIN or LOGIN on it'],
  [replies.tlsRequired, 'GATEPOST_DEVICE_TLS=required takes mail under TLS only: switch STARTTLS on in the device'],
  [
    replies.tlsNotAvailable,
    'the device wants STARTTLS, which is not offered: switch encryption off in it, ' +
      'or see GATEPOST_DEVICE_TLS (self-signed, or a certificate of yours)',
  ],
  [
    replies.utf8NotDeclared,
    'the device writes an address with letters beyond ASCII, and does not say so (SMTPUTF8): use plain letters in its addresses',
  ],
  [replies.tooManyConnections, 'more devices at once than GATEPOST_MAX_CONNECTIONS allows'],
  [replies.tooManyFromDevice, 'the device opens more connections at once than GATEPOST_MAX_CONNECTIONS_PER_DEVICE allows'],
  [replies.tooManyMessages, 'the device sends more than GATEPOST_DEVICE_RATE allows'],
  [
    replies.noRoomNow,
    'the spool is full, or this device has its share of it: is the upstream down? See "gatepost status" and GATEPOST_SPOOL_SIZE',
  ],
  [replies.diskTrouble, 'the flash could not be written: see the lines before this one'],
  [replies.looping, 'the message comes from this relay itself: does GATEPOST_UPSTREAM lead back to it?'],
  [replies.nested, 'the device mixes the order of commands up'],
]);

const NO_AUTH = String(replies.notImplemented('AUTH').text);
const TOO_LARGE: Refusal['status'] = '5.3.4';
const NO_UPSTREAM = /^no upstream takes mail from /;

/** A sentence without a full stop; undefined where the refusal itself says enough. */
export function adviceFor(refusal: Refusal): string | undefined {
  const known = OF_REFUSALS.get(refusal);
  if (known !== undefined) return known;
  if (refusal.text === NO_AUTH) return 'the device insists on logging in: GATEPOST_DEVICE_AUTH=any takes whatever user and password it has';
  if (NO_UPSTREAM.test(String(refusal.text)))
    return "each upstream in GATEPOST_UPSTREAM has a ?from= and none names this sender: add it there, or change the device's sender";
  if (refusal.status === TOO_LARGE)
    return (
      'let the device send smaller pictures; the limit is the smallest of GATEPOST_MAX_MESSAGE, ' +
      'what the upstream takes, and what the spool can hold'
    );
  return undefined;
}

/** Advice on what is no refusal, by its meaning. */
export const ADVICE = {
  tlsOnPlainPort:
    'the device speaks TLS from the first byte on a port that begins without: ' +
    'switch it to STARTTLS or to no encryption, or give it the port of an smtps:// address in GATEPOST_LISTEN',
  http: 'a browser or a scanner, no device',
  distrust:
    'the device does not trust the certificate: GATEPOST_DEVICE_TLS=off offers it no TLS, ' +
    'or GATEPOST_DEVICE_TLS_CERT and _KEY give a certificate that it trusts; or switch the check off in the device',
  oldTls: 'the device knows only old TLS: GATEPOST_DEVICE_TLS_MIN=1.0 admits it, on the LAN side only; or switch encryption off in it',
  plainOnTlsPort:
    'the device speaks plain SMTP on a port that begins with TLS: give it the port of an address without smtps:// in GATEPOST_LISTEN',
  lfDot:
    'the message ended with a dot between bare line feeds, which is no end: ' +
    'lines must end with CR LF; or with LF from the very first command on',
  crCrLfDot:
    'the message ended with a dot and CR CR LF, which is no end: ' +
    'lines must end with CR LF; or with CR CR LF from the very first command on',
  gateway:
    'a router or the proxy of a container: what comes from there may come from the internet. If it is a device of yours, ' +
    'add its address, or the word gateway, to GATEPOST_ALLOW',
  ownNetwork: 'the device is in a network that this board is in, too: add the word lan to GATEPOST_ALLOW',
} as const;

/** What stands in OpenSSL's text, or in that of tls.ts, and the advice; the first match wins. */
const TLS_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/unknown ca|certificate unknown|bad certificate|unsupported certificate|certificate expired|access denied/i, ADVICE.distrust],
  [/closed the connection during/i, ADVICE.distrust],
  [/unsupported protocol|no protocols available|version too low|protocol version|inappropriate fallback/i, ADVICE.oldTls],
  [/no shared cipher|no suitable/i, ADVICE.oldTls],
  [/wrong version number|http request|packet length too long|record layer failure|wrong ssl version/i, ADVICE.plainOnTlsPort],
];

/** Advice on a handshake that failed with `problem`; undefined where there is none to give. */
export function adviceForTls(problem: string): string | undefined {
  return TLS_PROBLEMS.find(([pattern]) => pattern.test(problem))?.[1];
}
