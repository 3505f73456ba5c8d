// LOGIN, which was never standardised: the server asks for the name, then for the password. Microsoft's servers
// offer it, and many devices know nothing else. As a server we also take the name with the AUTH command.

import { EMPTY, type Mechanism } from './mechanism.ts';

/** The last choice: it sends the password as PLAIN does, and is no standard. */
export const LOGIN = {
  name: 'LOGIN',
  strength: 1,
  client: {
    clientFirst: false,
    async *start({ username, password }) {
      yield EMPTY; // Not sent: a generator needs a first `yield` to be resumed with the server's challenge.
      yield Buffer.from(username);
      yield Buffer.from(password);
      return undefined;
    },
  },
  server: {
    clientFirst: true,
    needsPassword: false,
    *start() {
      const username = (yield Buffer.from('Username:')).toString('utf8');
      const password = (yield Buffer.from('Password:')).toString('utf8');
      return username === '' ? undefined : { kind: 'password', username, password };
    },
  },
} as const satisfies Mechanism;
