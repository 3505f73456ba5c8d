// An authorization server that others wrote (oidc-provider), over HTTPS: device grant, browser grant, refresh tokens that
// change with each use, revocation. And the owner of an account in front of a browser.

import { generateKeyPairSync } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { CERTIFICATE } from '../fakes/scripted-upstream.ts';

export type RealServer = {
  readonly url: string;
  /** The grants that were asked for at the token endpoint, in order. */
  readonly grants: readonly string[];
  /** Whether the token is one of this account, and valid. */
  accepts(token: string, account: string): Promise<boolean>;
  /** What is answered in place of the server's answer; undefined for that. */
  instead: ((path: string) => { readonly status: number; readonly body: string } | undefined) | undefined;
  close(): Promise<void>;
};

export const CLIENT = { id: 'gate', secret: 'secret-of-the-client' };

/** Starts one; access tokens live for so many seconds. */
export async function realAuthorizationServer(accessTokenSeconds = 3600): Promise<RealServer> {
  const server = createServer({ key: CERTIFICATE.key, cert: CERTIFICATE.cert });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, configuration(accessTokenSeconds));
  const grants: string[] = [];
  provider.on('grant.success', (context) =>
    grants.push((context as { readonly oidc: { readonly params: { readonly grant_type: string } } }).oidc.params.grant_type),
  );
  const callback = provider.callback();
  const real: RealServer = {
    url,
    grants,
    instead: undefined,
    async accepts(token, account) {
      const found = await provider.AccessToken.find(token);
      return found?.isValid === true && found.accountId === account;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  server.on('request', (asked, response) => {
    const own = real.instead?.(asked.url ?? '');
    if (own === undefined) return callback(asked, response);
    asked.resume();
    response.writeHead(own.status, { 'content-type': own.body.startsWith('{') ? 'application/json' : 'text/html' }).end(own.body);
  });
  return real;
}

function configuration(accessTokenSeconds: number): object {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/'],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'k1' }] },
    cookies: { keys: ['x'] },
    scopes: ['openid', 'offline_access', 'mail'],
    features: { deviceFlow: { enabled: true }, revocation: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenSeconds,
      DeviceCode: 600,
      AuthorizationCode: 60,
      RefreshToken: 86_400,
      Session: 3600,
      Interaction: 600,
      Grant: 86_400,
      IdToken: 3600,
    },
  };
}

type Page = { readonly url: URL; readonly text: string };

/** A browser that follows redirects, keeps cookies and fills in forms, up to a page outside of the server. */
export async function consent(address: string, account: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let page = await visit(new URL(address), cookies);
  for (let step = 0; step < 10; step++) {
    if (page.url.protocol === 'http:') return page.url;
    const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.text);
    if (form === null) return page.url;
    const fields = new URLSearchParams();
    for (const [input] of (form[2] ?? '').matchAll(/<input[^>]*>/g)) {
      const name = /name="([^"]*)"/.exec(input)?.[1];
      if (name !== undefined)
        fields.set(name, name === 'login' ? account : name === 'password' ? 'x' : (/value="([^"]*)"/.exec(input)?.[1] ?? ''));
    }
    if (/name="confirm"/.test(form[2] ?? '') || page.text.includes('device')) fields.set('confirm', 'yes');
    page = await visit(new URL((form[1] ?? '').replaceAll('&amp;', '&') || page.url.href, page.url), cookies, fields);
  }
  throw new Error(`the server asks for more and more: ${page.url.href}`);
}

async function visit(url: URL, cookies: Map<string, string>, form?: URLSearchParams): Promise<Page> {
  if (url.protocol === 'http:') return { url, text: '' };
  const { status, location, text } = await new Promise<{ status: number; location: string | undefined; text: string }>(
    (resolve, reject) => {
      const headers = {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      };
      const asked = request(url, { method: form === undefined ? 'GET' : 'POST', headers, ca: CERTIFICATE.cert }, (response) => {
        for (const line of response.headers['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location, text: body }));
      });
      asked.on('error', reject).end(form?.toString());
    },
  );
  if (status >= 300 && status < 400 && location !== undefined) return await visit(new URL(location, url), cookies);
  if (status >= 400) throw new Error(`${url.href}: ${status} ${text.slice(0, 300)}`);
  return { url, text };
}
