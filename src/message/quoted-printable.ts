// Quoted-printable (RFC 2045, section 6.7), as a stream: at most one line is held. nodemailer's encoder is a Transform
// that expects whole text, cuts lines with regular expressions, and knows no text that is encoded already.

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const EQUALS = 0x3d;
const SOFT_BREAK = Buffer.from('=\r\n');
// Octets of a line without its CRLF (RFC 2045, section 6.7 (5)), the `=` of a soft line break included.
const LONGEST_LINE = 76;
const HEX = Buffer.from('0123456789ABCDEF');

/** Encodes one body, whose lines end with CRLF. Every octet that is not plain, also a bare CR or LF, is escaped. */
export class QuotedPrintable {
  readonly #isEncoded: boolean;
  #column = 0;
  /** Octets of an escape of the text itself that are still to come, in front of which no line may be cut. */
  #escape = 0;
  /** A CR, or white space, which at a line's end needs an escape. */
  #held: number | undefined;
  #out = Buffer.alloc(0);
  #length = 0;

  /** `isEncoded`: the text is quoted-printable already, and only what must not be in it is escaped. */
  constructor({ isEncoded }: { readonly isEncoded: boolean }) {
    this.#isEncoded = isEncoded;
  }

  /** Takes the next octets; the encoded ones, apart from a last octet that is held back. */
  encode(octets: Uint8Array): Uint8Array {
    // An octet takes three, and one in 24 of these begins a line with three more; what was held comes first.
    this.#out = Buffer.allocUnsafe(4 * octets.length + 16);
    this.#length = 0;
    for (const octet of octets) this.#take(octet);
    return this.#out.subarray(0, this.#length);
  }

  /** What was held back, when the body ends. */
  end(): Uint8Array {
    this.#out = Buffer.allocUnsafe(16);
    this.#length = 0;
    this.#releaseHeld(false);
    return this.#out.subarray(0, this.#length);
  }

  #take(octet: number): void {
    if (octet === LF && this.#held === CR) {
      this.#held = undefined;
      this.#append(CR);
      this.#append(LF);
      this.#column = 0;
      this.#escape = 0;
      return;
    }
    this.#releaseHeld(octet !== CR);
    if (octet === CR || octet === SPACE || octet === TAB) this.#held = octet;
    else this.#write(octet);
  }

  /** `isWithin`: something of the same line follows. A CR that comes next may begin the line's end. */
  #releaseHeld(isWithin: boolean): void {
    const octet = this.#held;
    if (octet === undefined) return;
    this.#held = undefined;
    if (octet === CR || !(isWithin || this.#isEncoded)) this.#writeEscaped(octet);
    else this.#writePlain(octet);
  }

  #write(octet: number): void {
    const isPlain = octet > SPACE && octet < 0x7f && (octet !== EQUALS || this.#isEncoded);
    if (isPlain) this.#writePlain(octet);
    else this.#writeEscaped(octet);
  }

  #writePlain(octet: number): void {
    if (this.#escape === 0) this.#makeRoom(octet === EQUALS ? 3 : 1);
    this.#append(octet);
    this.#column += 1;
    this.#escape = octet === EQUALS ? 2 : Math.max(0, this.#escape - 1);
  }

  #writeEscaped(octet: number): void {
    this.#makeRoom(3);
    this.#append(EQUALS);
    this.#append(HEX[octet >> 4] ?? 0);
    this.#append(HEX[octet & 15] ?? 0);
    this.#column += 3;
    this.#escape = 0;
  }

  #makeRoom(octets: number): void {
    if (this.#column + octets < LONGEST_LINE) return;
    for (const octet of SOFT_BREAK) this.#append(octet);
    this.#column = 0;
  }

  #append(octet: number): void {
    this.#out[this.#length] = octet;
    this.#length += 1;
  }
}
