// Base64 in lines (RFC 2045, section 6.8), as a stream: less than a line is held.

// Octets whose base64 fills a line of 76 characters.
const LINE = 57;

/** Encodes one body of any octets. */
export class Base64 {
  #held: Uint8Array = Buffer.alloc(0);
  #isFirst = true;

  /** Takes the next octets; the lines that are full, each behind a line end but the first. */
  encode(octets: Uint8Array): Uint8Array {
    const all = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]);
    const whole = all.length - (all.length % LINE);
    this.#held = Buffer.from(all.subarray(whole));
    return this.#lines(all.subarray(0, whole));
  }

  /** What was held back, when the body ends. */
  end(): Uint8Array {
    return this.#lines(this.#held);
  }

  #lines(octets: Uint8Array): Uint8Array {
    if (octets.length === 0) return octets;
    const lines: string[] = [];
    for (let at = 0; at < octets.length; at += LINE) lines.push(Buffer.from(octets.subarray(at, at + LINE)).toString('base64'));
    const text = (this.#isFirst ? '' : '\r\n') + lines.join('\r\n');
    this.#isFirst = false;
    return Buffer.from(text, 'latin1');
  }
}
