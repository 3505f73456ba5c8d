// What OpenSSL reports when a handshake with a device fails, and what the log advises.

import { expect, test } from 'vitest';
import { ADVICE, adviceForTls } from '../../src/server/advice.ts';

test.each([
  ['tlsv1 alert unknown ca', ADVICE.distrust],
  ['sslv3 alert certificate unknown', ADVICE.distrust],
  ['sslv3 alert bad certificate', ADVICE.distrust],
  ['unsupported protocol', ADVICE.oldTls],
  ['no shared cipher', ADVICE.oldTls],
  ['tlsv1 alert protocol version', ADVICE.oldTls],
  ['wrong version number', ADVICE.plainOnTlsPort],
  ['http request', ADVICE.plainOnTlsPort],
  ['the handshake took too long', undefined],
])('%s', (problem, advice) => expect(adviceForTls(problem)).toBe(advice));
