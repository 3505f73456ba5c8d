// PLAIN (RFC 4616): authorization identity, name and password in one response, each behind a NUL.

import { EMPTY, type Mechanism } from './mechanism.ts';

/** RFC 4616. */
export const PLAIN = {
  name: 'PLAIN',
  strength: 2,
  client: {
    clientFirst: true,
    async *start({ username, password }) {
      yield Buffer.from(`\0${username}\0${password}`);
      return undefined;
    },
  },
  server: {
    clientFirst: true,
    needsPassword: false,
    *start() {
      const [actingFor = '', username, password, ...more] = (yield EMPTY).toString('utf8').split('\0');
      if (username === undefined || username === '' || password === undefined || more.length > 0) return undefined;
      const isOther = actingFor !== '' && actingFor !== username;
      return { kind: 'password', username, password, ...(isOther ? { actingFor } : {}) };
    },
  },
} as const satisfies Mechanism;
