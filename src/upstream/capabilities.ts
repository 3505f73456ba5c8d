// The EHLO reply as a typed value (RFC 5321, section 4.1.1.1). Pure.

import type { ParameterSupport } from '../smtp/parameters.ts';
import type { RemoteReply } from '../smtp/reply.ts';

export type Capabilities = ParameterSupport & {
  readonly pipelining: boolean;
  readonly startTls: boolean;
  readonly chunking: boolean;
  /** Octets that the server takes; undefined for no fixed limit (RFC 1870, section 4: SIZE without number, or 0), or for one that can't be. */
  readonly sizeLimit: number | undefined;
  /** SASL mechanisms, in capitals. */
  readonly auth: ReadonlySet<string>;
  /** As they were said, for people. */
  readonly offers: readonly string[];
};

// RFC 5321, section 4.5.3.1.7: every server takes this much. One that says less is wrong, or no server at all; believed, it
// would keep devices from sending anything.
const SMALLEST_LIMIT = 65_536;

/** What a server offers that only knows HELO. */
export const NO_CAPABILITIES: Capabilities = {
  size: false,
  sizeLimit: undefined,
  eightBitMime: false,
  binaryMime: false,
  smtpUtf8: false,
  dsn: false,
  pipelining: false,
  startTls: false,
  chunking: false,
  auth: new Set(),
  offers: [],
};

export function readCapabilities(reply: RemoteReply): Capabilities {
  const offered = new Map<string, string>();
  const auth = new Set<string>();
  for (const line of reply.lines.slice(1)) {
    const [keyword = '', ...words] = line
      .trim()
      .toUpperCase()
      .split(/[ \t]+/);
    // "AUTH=PLAIN" is how servers spoke to clients of the last century; some still offer it alone.
    const legacy = /^AUTH=(.*)$/.exec(keyword);
    if (keyword === 'AUTH' || legacy !== null)
      for (const mechanism of [legacy?.[1] ?? '', ...words]) if (mechanism !== '') auth.add(mechanism);
    offered.set(keyword, words.join(' '));
  }
  const limit = Number(/^\d{1,15}$/.exec(offered.get('SIZE') ?? '')?.[0] ?? 0);
  return {
    size: offered.has('SIZE'),
    sizeLimit: limit >= SMALLEST_LIMIT ? limit : undefined,
    eightBitMime: offered.has('8BITMIME'),
    binaryMime: offered.has('BINARYMIME'),
    smtpUtf8: offered.has('SMTPUTF8'),
    dsn: offered.has('DSN'),
    pipelining: offered.has('PIPELINING'),
    startTls: offered.has('STARTTLS'),
    chunking: offered.has('CHUNKING'),
    auth,
    offers: reply.lines.slice(1).map((line) => line.trim()),
  };
}
