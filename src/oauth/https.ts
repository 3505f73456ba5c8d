// One HTTPS request to an authorization server: verified, bounded in size and time, on a connection of its own. No
// redirect is followed (RFC 9700, section 4.12): what was sent may hold secrets.

import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { printable } from '../smtp/printable.ts';
import type { Clock } from '../system/clock.ts';
import { codeOf, problemOf } from '../system/problem.ts';
import { TokenFailed, unavailable } from './failure.ts';

// In all, from looking the name up to the last octet of the reply, in ms.
const PATIENCE = 30_000;
// Octets of a reply; one with tokens has a few thousand.
const LARGEST_REPLY = 64 * 1024;

/** How an HTTPS request is made. */
export type HttpsParts = {
  readonly clock: Clock;
  /** TLS options for a host, under which its certificate is verified. */
  readonly trust: { tlsOptions(host: string): Promise<ConnectionOptions> };
};

/** A request as it goes out; the body is a form. */
export type HttpsRequest = {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A whole reply, its body as text. */
export type HttpsReply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string };

/** Sends the request and reads the reply. Rejects with TokenFailed when there is none, or when it is a redirect. */
export async function exchange(wanted: HttpsRequest, { clock, trust }: HttpsParts): Promise<HttpsReply> {
  const { url } = wanted;
  if (url.protocol !== 'https:') throw unavailable(`${url.host} is not asked, since its address is not https://`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const reply = await send(wanted, { ...(await trust.tlsOptions(host)), host }, clock).catch((error: unknown) => {
    throw error instanceof TokenFailed ? error : failureOf(error, url.host);
  });
  if (reply.status >= 300 && reply.status < 400)
    throw unavailable(`${url.host} answers with a redirect (${reply.status}), which is not followed: a captive portal or a wrong address?`);
  return reply;
}

function send({ url, method, headers, body }: HttpsRequest, tls: ConnectionOptions & { readonly host: string }, clock: Clock) {
  return new Promise<HttpsReply>((resolve, reject) => {
    const options: RequestOptions = { ...tls, port: url.port || 443, path: url.pathname + url.search, method, agent: false };
    const asked = request({ ...options, headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
    const fail = (error: unknown) => {
      cancel();
      asked.destroy();
      reject(error);
    };
    const cancel = clock.after(PATIENCE, () => fail(unavailable(`${url.host} does not answer within ${PATIENCE / 1000} s`)));
    asked.on('error', fail);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let octets = 0;
      response.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        if (octets > LARGEST_REPLY) return fail(unavailable(`${url.host} answers with more than ${LARGEST_REPLY} octets`));
        chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => {
        cancel();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    asked.end(body);
  });
}

const CLOCK_CODES: ReadonlySet<string | undefined> = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

function failureOf(error: unknown, host: string): TokenFailed {
  const problem = `${host} can't be asked for a token: ${printable(problemOf(error))}`;
  if (!CLOCK_CODES.has(codeOf(error))) return unavailable(problem);
  return new TokenFailed({ cause: 'clock', problem, advice: "is this board's clock right? It goes on at once when the clock is set" });
}
