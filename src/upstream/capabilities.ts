// The EHLO reply as a typed value (RFC 5321, section 4.1.1.1). Pure.

import type { ParameterSupport } from '../smtp/parameters.ts';
import type { RemoteReply } from '../smtp/reply.ts';
import type { Offers } from '../vocabulary/offers.ts';

/** The extensions that matter here, by the keyword that offers each. */
const KEYWORDS = {
  size: 'SIZE',
  eightBitMime: '8BITMIME',
  binaryMime: 'BINARYMIME',
  smtpUtf8: 'SMTPUTF8',
  dsn: 'DSN',
  pipelining: 'PIPELINING',
  startTls: 'STARTTLS',
  chunking: 'CHUNKING',
} as const satisfies Readonly<Record<keyof ParameterSupport, string>> & Readonly<Record<string, string>>;

type Extensions = { readonly [name in keyof typeof KEYWORDS]: boolean };

/** What a server offers on this connection. */
export type Capabilities = Extensions & {
  /**
   * Octets that a message may have; undefined for no fixed limit (RFC 1870, section 4: SIZE without number, or 0), and
   * for a limit that is too small to be true.
   */
  readonly sizeLimit: number | undefined;
  /** SASL mechanisms, in capitals. */
  readonly auth: ReadonlySet<string>;
  /** The reply's lines as they came, for people. */
  readonly offers: readonly string[];
};

// RFC 5321, section 4.5.3.1.7: every server takes this much. One that says less is wrong, or no server at all;
// believed, it would keep devices from sending anything.
const SMALLEST_LIMIT = 65_536;

/** What a server offers that only knows HELO. */
export const NO_CAPABILITIES: Capabilities = { ...extensions(() => false), sizeLimit: undefined, auth: new Set(), offers: [] };

/** What the reply to EHLO offers; a keyword counts in any case, what is unknown stands in `offers` alone. */
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
  const limit = Number(/^\d{1,15}$/.exec(offered.get(KEYWORDS.size) ?? '')?.[0] ?? 0);
  return {
    ...extensions((keyword) => offered.has(keyword)),
    sizeLimit: limit >= SMALLEST_LIMIT ? limit : undefined,
    auth,
    offers: reply.lines.slice(1).map((line) => line.trim()),
  };
}

function extensions(isOffered: (keyword: string) => boolean): Extensions {
  return Object.fromEntries(Object.entries(KEYWORDS).map(([name, keyword]) => [name, isOffered(keyword)])) as Extensions;
}

/** What may be promised to devices: what every upstream in `seen` takes. */
export function intersect(seen: readonly Capabilities[]): Offers {
  const size = Math.min(...seen.map(({ sizeLimit }) => sizeLimit ?? Number.POSITIVE_INFINITY));
  return {
    ...(Number.isFinite(size) ? { size } : {}),
    smtpUtf8: seen.every((one) => one.smtpUtf8),
    binaryMime: seen.every((one) => one.binaryMime && one.chunking),
  };
}
