// The parts of a message (RFC 2046, section 5.1), found in a stream of octets whose lines end with CRLF: each header
// section, and what stands behind it. Held are one header section, one line, and a boundary for each level of nesting.
// It fails for no message: what is no proper part is passed on as octets of the one that it stands in.

import { type Entity, entityOf } from './entity.ts';
import { type Field, fieldName } from './field.ts';
import { LARGEST_STORED_HEADER_SECTION } from './header.ts';

/** Where an entity stands. `isTop`: it is a message, and no part. */
export type PartPlace = { readonly isTop: boolean; readonly isSigned: boolean };

/** Takes what the reader finds, in the order of the message. */
export interface PartSink {
  /** A header section without its empty line, which may be missing: a part's body then begins with its first line. */
  header(fields: readonly Field[], entity: Entity, place: PartPlace): void;
  /** Octets of the body of the last entity, a leaf. */
  body(octets: Uint8Array): void;
  /** A delimiter with the line end before it, or octets before the first and after the last part. */
  outside(octets: Uint8Array, place: PartPlace): void;
}

type Level = { readonly delimiter: string; readonly isDigest: boolean; readonly isSigned: boolean };

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
// Octets. Only BINARYMIME has longer lines, and no delimiter is that long.
const LONGEST_LINE = 4_096;
const MOST_LEVELS = 50;
const NOTHING = Buffer.alloc(0);

/** Reads one message. */
export class MimeReader {
  readonly #sink: PartSink;
  #levels: Level[] = [];
  #state: 'header' | 'body' | 'outside' = 'header';
  #fields: Buffer[] = [];
  #fieldOctets = 0;
  #isTop = true;
  /** The beginning of a line. */
  #carry: Buffer = NOTHING;
  #isMidLine = false;
  /** A line end that belongs to the body, or to the delimiter that follows. */
  #lineEnd: Uint8Array = NOTHING;

  constructor(sink: PartSink) {
    this.#sink = sink;
  }

  /** Takes the next octets. */
  read(chunk: Uint8Array): void {
    const octets =
      this.#carry.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([this.#carry, chunk]);
    this.#carry = NOTHING;
    for (let at = 0; at < octets.length; ) {
      if (this.#state === 'body' && this.#levels.length === 0) return this.#sink.body(octets.subarray(at));
      const lf = octets.indexOf(LF, at);
      if (lf < 0) return this.#keep(octets.subarray(at));
      this.#line(octets.subarray(at, lf + 1));
      at = lf + 1;
    }
  }

  /** The message ends here. */
  end(): void {
    if (this.#carry.length > 0) this.#line(this.#carry);
    this.#carry = NOTHING;
    if (this.#state === 'header') this.#endHeader();
    this.#content(NOTHING);
  }

  #keep(beginning: Buffer): void {
    if (beginning.length <= LONGEST_LINE) {
      this.#carry = Buffer.from(beginning);
      return;
    }
    if (this.#state === 'header') this.#endHeader();
    this.#content(beginning);
    this.#isMidLine = true;
  }

  #line(line: Buffer): void {
    const level = this.#isMidLine ? undefined : this.#levelOf(line);
    this.#isMidLine = false;
    if (level !== undefined) return this.#delimiter(line, level);
    if (this.#state === 'header') return this.#headerLine(line);
    const end = line.at(-1) !== LF ? line.length : line.at(-2) === CR ? line.length - 2 : line.length - 1;
    this.#content(line.subarray(0, end));
    this.#lineEnd = Buffer.from(line.subarray(end));
  }

  #headerLine(line: Buffer): void {
    if (line.equals(CRLF)) return this.#endHeader();
    const isContinued = this.#fields.length > 0 && (line[0] === 0x20 || line[0] === 0x09);
    const isTooMuch = this.#fieldOctets + line.length > LARGEST_STORED_HEADER_SECTION;
    if (isTooMuch || !(isContinued || fieldName(line.toString('latin1')) !== undefined)) {
      this.#endHeader();
      return this.#line(line);
    }
    this.#fieldOctets += line.length;
    this.#fields.push(Buffer.from(line));
  }

  #endHeader(): void {
    const fields = joined(this.#fields);
    this.#fields = [];
    this.#fieldOctets = 0;
    const { isDigest = false, isSigned = false } = this.#levels.at(-1) ?? {};
    const read = entityOf(fields, isDigest && !this.#isTop);
    const entity = read.kind === 'leaf' || this.#levels.length < MOST_LEVELS ? read : DEEPEST;
    this.#sink.header(fields, entity, { isTop: this.#isTop, isSigned });
    this.#enter(entity, isSigned);
  }

  #enter(entity: Entity, isSigned: boolean): void {
    switch (entity.kind) {
      case 'leaf':
        this.#state = 'body';
        break;
      case 'message':
        // A level of its own, so that messages in messages come to an end.
        this.#levels.push({ delimiter: '', isDigest: false, isSigned });
        this.#state = 'header';
        this.#isTop = true;
        break;
      case 'multipart':
        this.#levels.push({ delimiter: `--${entity.boundary}`, isDigest: entity.isDigest, isSigned: isSigned || entity.isSigned });
        this.#state = 'outside';
        break;
      default:
        entity satisfies never;
    }
  }

  /** The innermost level that the line is a delimiter of: each of them ends what stands deeper. */
  #levelOf(line: Buffer): number | undefined {
    if (line[0] !== DASH || line[1] !== DASH) return undefined;
    const text = line.toString('latin1').trimEnd();
    const at = this.#levels.findLastIndex(({ delimiter }) => delimiter !== '' && (text === delimiter || text === `${delimiter}--`));
    return at < 0 ? undefined : at;
  }

  #delimiter(line: Buffer, at: number): void {
    if (this.#state === 'header') this.#endHeader();
    const level = this.#levels[at];
    const isLast = line.toString('latin1').trimEnd() !== level?.delimiter;
    this.#levels.length = isLast ? at : at + 1;
    const octets = Buffer.concat([this.#lineEnd, line]);
    this.#lineEnd = NOTHING;
    this.#sink.outside(octets, { isTop: false, isSigned: level?.isSigned ?? false });
    this.#isTop = false;
    this.#state = isLast ? 'outside' : 'header';
  }

  /** Passes on a piece of a line behind the line end that came before it. */
  #content(octets: Uint8Array): void {
    for (const piece of [this.#lineEnd, octets]) {
      if (piece.length === 0) continue;
      if (this.#state === 'body') this.#sink.body(piece);
      else this.#sink.outside(piece, { isTop: false, isSigned: this.#levels.at(-1)?.isSigned ?? false });
    }
    this.#lineEnd = NOTHING;
  }
}

const CRLF = Buffer.from('\r\n');

/** What is nested too deep to be read further is octets. */
const DEEPEST: Entity = { kind: 'leaf', isText: false, hasCharset: true, encoding: 'identity' };

/** The fields of `lines`, each with its continuations. */
function joined(lines: readonly Buffer[]): readonly Field[] {
  const fields: Buffer[][] = [];
  for (const line of lines)
    if (line[0] === 0x20 || line[0] === 0x09) fields.at(-1)?.push(line);
    else fields.push([line]);
  return fields.map((parts) => {
    const raw = Buffer.concat(parts);
    return { name: raw.toString('latin1', 0, raw.indexOf(':')).trimEnd(), raw };
  });
}
