// The terminal's side of a login: what is shown, and what is pasted.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { loginInBrowser } from '../oauth/browser.ts';
import { loginByCode } from '../oauth/device.ts';
import type { DeviceCode, Granted } from '../oauth/endpoint.ts';
import { lost } from '../oauth/failure.ts';
import { type OAuthParts, serverOf } from '../oauth/sources.ts';
import type { OAuthAccount, OAuthGrant } from '../vocabulary/oauth-account.ts';
import { print } from './print.ts';

/** An account whose owner can log in. */
export type RefreshAccount = OAuthAccount & { readonly grant: Extract<OAuthGrant, { readonly kind: 'refresh' }> };

/** Logs in with a code where the server has that, else in a browser. Rejects with TokenFailed. */
export async function logIn(account: RefreshAccount, parts: OAuthParts): Promise<Granted> {
  const { endpoints, scope, client } = account.grant;
  const server = serverOf(account.grant, parts);
  const { qrCode } = await import('../oauth/qr-code.ts');
  if (endpoints.device !== undefined)
    return await loginByCode({ server, scope, show: (code) => print(...codeLines(code, qrCode)), sleep, now: () => parts.clock.now() });
  if (endpoints.authorization === undefined)
    throw lost('there is no address to log in at', 'set GATEPOST_OAUTH_DEVICE_URL or GATEPOST_OAUTH_AUTH_URL');
  const lines = linesOfTerminal();
  try {
    const { authorization: address } = endpoints;
    return await loginInBrowser({
      server,
      account,
      client,
      address,
      scope,
      show: (consent) => print(...consentLines(consent)),
      pasted: lines.next,
      complain: print,
    });
  } finally {
    lines.close();
  }
}

function codeLines(
  { userCode, address, addressWithCode, expiresIn }: DeviceCode,
  qrCode: (text: string) => readonly string[],
): readonly string[] {
  return [
    ...qrCode(addressWithCode ?? address),
    `Open ${address} in a browser, on any computer or telephone, and type the code`,
    '',
    `    ${userCode}`,
    '',
    `It is good for ${Math.floor(expiresIn / 60_000)} minutes. Waiting ...`,
  ];
}

function consentLines(address: string): readonly string[] {
  return [
    'Open this address in a browser, on any computer, and consent:',
    '',
    address,
    '',
    'Then the browser goes to a page at 127.0.0.1 that it can not reach, unless it runs on this board.',
    'Copy the address of that page from the address bar, and paste it here:',
  ];
}

/** The lines of standard input, one at each call; undefined once it has ended. */
function linesOfTerminal() {
  const reader = createInterface({ input: process.stdin });
  const lines = reader[Symbol.asyncIterator]();
  return {
    async next(): Promise<string | undefined> {
      const { value, done } = await lines.next();
      return done === true ? undefined : value;
    },
    close(): void {
      reader.close();
      process.stdin.destroy();
    },
  };
}
