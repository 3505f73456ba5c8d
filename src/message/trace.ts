// The trace field (RFC 5321, section 4.4) that this relay puts in front of each message.

import { formatMailbox, isDomain } from '../smtp/address.ts';
import type { Recipients } from '../smtp/envelope.ts';
import type { WallTime } from '../system/clock.ts';
import { formatDate } from './date.ts';
import { isAscii } from './encoded-word.ts';
import { fieldsNamed, fieldValue, formatField } from './field.ts';
import type { HeaderSection } from './header.ts';

/**
 * How the message came in. `hello`: the name in HELO or EHLO; `address`: the device's IP address; `protocol`: for
 * the `with` clause (RFC 3848).
 */
export type Arrival = {
  readonly hello: string;
  readonly address: string;
  readonly hostname: string;
  /** Text that distinguishes this spool's relay from all others, also from one of the same name. */
  readonly instance: string;
  readonly protocol: string;
  readonly id: string;
  readonly recipients: Recipients;
  readonly time: WallTime;
};

/** `address` as RFC 5321 writes it in brackets; an IPv4 address mapped into IPv6 is shown as itself. */
function addressLiteral(address: string): string {
  return address.includes(':') ? `[IPv6:${address}]` : `[${address}]`;
}

/**
 * The field as octets: `Received: from cam ([192.0.2.7]) by relay.example with ESMTP id 4D2K for <a@b>; date`. With
 * several recipients there is no `for`, so that none sees the others (RFC 5321, section 7.2).
 */
export function traceField(arrival: Arrival): Buffer {
  const literal = addressLiteral(arrival.address);
  // The device chooses the name: one that is no domain, or no ASCII (RFC 5321, section 2.3.5), goes into a comment,
  // with its special characters replaced.
  const from =
    isDomain(arrival.hello) && isAscii(arrival.hello)
      ? [arrival.hello, `(${literal})`]
      : [literal, `(helo ${arrival.hello.replace(/[^\w.:[\]-]/g, '?').slice(0, 64)})`];
  const [only, ...others] = arrival.recipients;
  const forClause = others.length === 0 ? ['for', `<${formatMailbox(only.forwardPath)}>;`] : [];
  const id = others.length === 0 ? arrival.id : `${arrival.id};`;
  return formatField('Received', [
    'from',
    ...from,
    'by',
    arrival.hostname,
    signature(arrival.instance),
    'with',
    arrival.protocol,
    'id',
    id,
    ...forClause,
    formatDate(arrival.time),
  ]);
}

// More hops than this are a loop. RFC 5321, section 6.3, wants a large number, normally at least 100; Postfix's
// hopcount_limit is 50.
const MOST_HOPS = 50;

const signature = (instance: string) => `(Gatepost ${instance})`;

/**
 * Whether the message goes in a circle: it had too many hops, or one of them was this very relay (RFC 5321, section
 * 6.3).
 */
export function isLooping(section: HeaderSection, instance: string): boolean {
  const received = fieldsNamed(section, 'Received');
  return received.length > MOST_HOPS || received.some((field) => fieldValue(field).includes(signature(instance)));
}

/**
 * Octets by which a stored message may be larger than what a device may send: for the trace field (HELO name, host
 * name, a recipient of 254 octets each), the missing or rewritten Date, From, Reply-To and Message-ID, completed
 * addresses, and folds. A message that would grow by more, and be larger than the limit then, is refused.
 */
export const MOST_ADDED_OCTETS = 4_096;
