// Passwords in what a server says during a login: some repeat what they heard ("500 unknown command aHVudGVy"), and
// their replies are shown in the log, in `status` and by `check --connect`. Whatever was sent is replaced there by
// three dots.

import type { RemoteReply } from '../smtp/reply.ts';
import type { Credentials } from '../smtp/sasl/mechanism.ts';

const MASK = '...';
// A part of a response, such as a server shows that cuts lines off, is taken for one from this length on.
const SHORTEST_PART = 6;

/** What was sent in a login, and must not be shown. */
export class Secrets {
  readonly #username: string;
  readonly #whole = new Set<string>();

  constructor({ username, password }: Credentials) {
    this.#username = username;
    this.#add(password);
    this.#add(Buffer.from(password).toString('base64'));
  }

  /** `response` was sent, in base64. */
  sent(response: Buffer): void {
    this.#add(response.toString('base64'));
    const text = response.toString('utf8');
    // The name alone, as LOGIN sends it, is no secret.
    if (text !== this.#username) this.#add(text);
  }

  /** The text without them, whole or in parts. */
  hide(text: string): string {
    let shown = text;
    for (const secret of [...this.#whole].sort((one, other) => other.length - one.length)) shown = replaceAll(shown, secret);
    return shown.replace(/[A-Za-z0-9+/=_-]{6,}/g, (word) => (this.#isPart(word) ? MASK : word));
  }

  /** The reply without them. */
  hideIn(reply: RemoteReply): RemoteReply {
    const [first, ...rest] = reply.lines;
    return { ...reply, lines: [this.hide(first), ...rest.map((line) => this.hide(line))] };
  }

  #add(secret: string): void {
    if (secret !== '') this.#whole.add(secret);
  }

  #isPart(word: string): boolean {
    const wanted = word.toLowerCase();
    if (wanted.length < SHORTEST_PART || this.#username.toLowerCase().includes(wanted)) return false;
    return [...this.#whole].some((secret) => secret.toLowerCase().includes(wanted));
  }
}

/** In any case of letters: some servers show commands in capitals. */
function replaceAll(text: string, secret: string): string {
  const low = text.toLowerCase();
  const wanted = secret.toLowerCase();
  if (low.length !== text.length) return text.replaceAll(secret, MASK);
  let shown = '';
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    shown += text.slice(from, at) + MASK;
    from = at + secret.length;
  }
  return shown + text.slice(from);
}
