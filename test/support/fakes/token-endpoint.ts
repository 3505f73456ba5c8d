// A token endpoint that does what a test says: right, wrong, slow, or lying. Over HTTPS on loopback.

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Trust } from '../../../src/upstream/trust.ts';
import { alsoSecret } from '../secrets.ts';
import { CERTIFICATE } from './scripted-upstream.ts';

export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** An object is sent as JSON. */
      readonly body?: object | string;
    }
  | 'silence'
  | 'endless'
  | 'reset';

export type TokenEndpoint = {
  readonly url: string;
  /** The forms that came, oldest first, with the path and the Authorization header. */
  readonly asked: readonly { readonly path: string; readonly form: URLSearchParams; readonly authorization: string | undefined }[];
  close(): Promise<void>;
};

/** Trusts the certificate of the endpoint alone. */
export const trust = new Trust({ ca: CERTIFICATE.cert, pin: undefined });

export async function tokenEndpoint(
  answer: (form: URLSearchParams, count: number, path: string) => Answer | Promise<Answer>,
  certificate = CERTIFICATE,
): Promise<TokenEndpoint> {
  const asked: { path: string; form: URLSearchParams; authorization: string | undefined }[] = [];
  const server: Server = createServer({ key: certificate.key, cert: certificate.cert }, (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', async () => {
      const form = new URLSearchParams(text);
      const path = request.url ?? '';
      asked.push({ path, form, authorization: request.headers.authorization });
      const what = await answer(form, asked.length, path);
      if (what === 'silence') return;
      if (what === 'reset') return request.socket.destroy();
      if (what === 'endless') {
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(10_000)));
        };
        response.on('drain', more);
        return more();
      }
      const isJson = typeof what.body !== 'string';
      response.writeHead(what.status ?? 200, { ...(isJson ? { 'content-type': 'application/json' } : {}), ...what.headers });
      response.end(isJson ? JSON.stringify(what.body ?? {}) : what.body);
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** An access token, and the refresh token if one is given; both are searched for in what the program writes. */
export function tokens(accessToken: string, refreshToken?: string, expiresIn: unknown = 3600): Answer {
  alsoSecret(accessToken, ...(refreshToken === undefined ? [] : [refreshToken]));
  return {
    body: {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    },
  };
}
