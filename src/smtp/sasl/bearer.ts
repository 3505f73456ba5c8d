// What XOAUTH2 and OAUTHBEARER share: the JSON with which a server says why it refuses a token. It comes as a challenge
// before the refusal itself (RFC 7628, section 3.2.2), and both mechanisms answer it, each in its own way.

import { printable } from '../printable.ts';

// Octets of a field that are quoted.
const LONGEST_QUOTED = 200;

const MEANINGS: Readonly<Record<string, string>> = {
  invalid_token: 'the token is not valid (invalid_token)',
  insufficient_scope: 'the token does not permit sending mail (insufficient_scope)',
  invalid_request: 'the server did not understand the request (invalid_request)',
  '400': 'the server did not understand the token (status 400)',
  '401': 'the token is not valid (status 401)',
  '403': 'the token does not permit sending mail (status 403)',
};

/** The challenge's `status` and `scope` as a clause; undefined for a challenge that is no such JSON. */
export function explainChallenge(challenge: Buffer): string | undefined {
  const { status, scope } = fieldsOf(challenge);
  if (status === undefined && scope === undefined) return undefined;
  const meaning =
    status === undefined ? 'the token is refused' : (MEANINGS[status] ?? `the token is refused with status ${quoted(status)}`);
  return scope === undefined || scope === '' ? meaning : `${meaning}; the server wants the scope ${quoted(scope)}`;
}

function fieldsOf(challenge: Buffer): { readonly status?: string; readonly scope?: string } {
  try {
    const value: unknown = JSON.parse(challenge.toString('utf8'));
    if (typeof value !== 'object' || value === null) return {};
    return { ...textField(value, 'status'), ...textField(value, 'scope') };
  } catch {
    return {}; // not JSON: the reply that follows says all there is
  }
}

function textField(value: object, name: 'status' | 'scope'): { readonly [field in typeof name]?: string } {
  const field = (value as Readonly<Record<string, unknown>>)[name];
  return typeof field === 'string' || typeof field === 'number' ? { [name]: String(field) } : {};
}

const quoted = (text: string) => printable(text.slice(0, LONGEST_QUOTED));
