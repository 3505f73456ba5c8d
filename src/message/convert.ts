// Messages for a server that lacks 8BITMIME (RFC 6152, section 3: "convert, or return it to the sender") or SMTPUTF8.
// What has octets above 127 is converted part by part: text to quoted-printable, or to base64 where most of it is above
// 127; what is no text to base64; header fields to encoded words. What has none stays as it is.
//
// How a part is encoded stands in front of it, and depends on all of it: so survey.ts reads the message first. Both are
// streams: a header section, a line, and three numbers a part are held.
//
// A part of multipart/signed is converted like any other, though that breaks its signature: RFC 1847, section 2.1,
// wants it to be 7-bit in the first place, and an alert with a broken signature says more than one that has bounced.

import { asciiField } from './ascii-field.ts';
import { Base64 } from './base64.ts';
import type { Entity } from './entity.ts';
import { type Field, fieldBody, fieldsNamed, formatField, withBody } from './field.ts';
import { LineFolder } from './fold.ts';
import { MimeReader, type PartPlace, type PartSink } from './mime-reader.ts';
import { QuotedPrintable } from './quoted-printable.ts';
import { type Leaf, type Surveyed, UNKNOWN } from './survey.ts';
import { outline } from './tokens.ts';

/** The message without octets above 127. Rejects as `body` does. */
export function toSevenBit(body: AsyncIterable<Uint8Array>, surveyed: Surveyed): AsyncIterable<Uint8Array> {
  return converted(body, new Converter(surveyed));
}

/** The message with all header sections in ASCII, also in its parts; bodies stay. Rejects as `body` does. */
export function toAsciiFields(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return converted(body, new Converter(undefined));
}

async function* converted(body: AsyncIterable<Uint8Array>, converter: Converter): AsyncIterable<Uint8Array> {
  const reader = new MimeReader(converter);
  for await (const chunk of body) {
    reader.read(chunk);
    const octets = converter.take();
    if (octets.length > 0) yield octets;
  }
  reader.end();
  yield converter.end();
}

/** How the octets of a body are written. */
type BodyEncoder = { encode(octets: Uint8Array): Uint8Array; end(): Uint8Array };

const NOTHING = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n');
const AS_IT_IS: BodyEncoder = { encode: (octets) => octets, end: () => NOTHING };
/** For base64, whose decoders ignore other characters (RFC 2045, section 6.8). */
const dropping: BodyEncoder = { encode: (octets) => octets.filter((octet) => octet < 0x80), end: () => NOTHING };
/** For what people don't see: preambles, and what follows the last part. */
const marking: BodyEncoder = { encode: (octets) => octets.map((octet) => (octet < 0x80 ? octet : 0x3f)), end: () => NOTHING };

type Encoded = { readonly name: '7bit' | 'quoted-printable' | 'base64' | undefined; readonly encoder: BodyEncoder };

class Converter implements PartSink {
  readonly #surveyed: Surveyed | undefined;
  #leaves = 0;
  #encoder = AS_IT_IS;
  #out: Uint8Array[] = [];
  #last = 0;

  /** Without `surveyed`, bodies stay as they are. */
  constructor(surveyed: Surveyed | undefined) {
    this.#surveyed = surveyed;
  }

  header(fields: readonly Field[], entity: Entity, { isTop }: PartPlace): void {
    this.#endBody();
    const labelled = this.#surveyed === undefined ? fields : this.#labelled(fields, entity, isTop);
    const folder = new LineFolder();
    for (const { raw } of labelled.map(notGlobal).map(asciiField)) for (const slice of folder.fold(raw)) this.#write(slice);
    for (const slice of folder.end()) this.#write(slice);
    this.#write(CRLF);
  }

  body(octets: Uint8Array): void {
    this.#write(this.#encoder.encode(octets));
  }

  outside(octets: Uint8Array): void {
    this.#endBody();
    this.#write(this.#surveyed === undefined ? octets : marking.encode(octets));
  }

  /** What was written since it was called last. */
  take(): Uint8Array {
    const octets = Buffer.concat(this.#out);
    this.#out = [];
    return octets;
  }

  /** The rest, when the message has ended. */
  end(): Uint8Array {
    this.#endBody();
    if (this.#last !== 0x0a) this.#write(CRLF);
    return this.take();
  }

  #endBody(): void {
    this.#write(this.#encoder.end());
    this.#encoder = AS_IT_IS;
  }

  #write(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#out.push(octets);
    this.#last = octets.at(-1) ?? 0;
  }

  /** The fields that say how the body is encoded from here on. */
  #labelled(fields: readonly Field[], entity: Entity, isTop: boolean): readonly Field[] {
    if (entity.kind !== 'leaf') return asSevenBit(fields);
    const leaf = this.#surveyed?.leaves[this.#leaves] ?? UNKNOWN;
    this.#leaves += 1;
    const { name, encoder } = encodingFor(entity, leaf);
    this.#encoder = encoder;
    if (name === undefined) return fields;
    if (name === '7bit') return asSevenBit(fields);
    const typed = entity.isText && !entity.hasCharset ? withCharset(fields, leaf.isUtf8 ? 'utf-8' : 'windows-1252') : fields;
    const others = typed.filter((field) => !/^content-transfer-encoding$/i.test(field.name));
    const isMime = !isTop || fieldsNamed({ fields }, 'MIME-Version').length > 0;
    return [...others, ...(isMime ? [] : [newField('MIME-Version', '1.0')]), newField('Content-Transfer-Encoding', name)];
  }
}

const newField = (name: string, value: string): Field => ({ name, raw: formatField(name, [value]) });

/** `name` is undefined where what the fields say stays true. */
function encodingFor(entity: Extract<Entity, { kind: 'leaf' }>, { octets, above }: Leaf): Encoded {
  if (above === 0) return { name: entity.encoding === 'identity' ? '7bit' : undefined, encoder: AS_IT_IS };
  switch (entity.encoding) {
    case 'base64':
      return { name: undefined, encoder: dropping };
    case 'quoted-printable':
      return { name: undefined, encoder: new QuotedPrintable({ isEncoded: true }) };
    case 'identity':
      return entity.isText && 2 * above <= octets
        ? { name: 'quoted-printable', encoder: new QuotedPrintable({ isEncoded: false }) }
        : { name: 'base64', encoder: new Base64() };
  }
}

/** A label of 8bit or binary is not true any more, and not allowed on the way (RFC 6152, section 3). */
function asSevenBit(fields: readonly Field[]): readonly Field[] {
  const isLabel = (field: Field) => /^content-transfer-encoding$/i.test(field.name) && /^(?:8bit|binary)$/i.test(outline(fieldBody(field)));
  return fields.map((field) => (isLabel(field) ? newField(field.name, '7bit') : field));
}

/** RFC 6532, section 3.7: message/global is a message with UTF-8 in its header section, as it was before. */
function notGlobal(field: Field): Field {
  const isGlobal = /^content-type$/i.test(field.name) && /^message\/global$/i.test(outline(fieldBody(field)));
  return isGlobal ? newField(field.name, 'message/rfc822') : field;
}

/** Text without a charset is ASCII (RFC 2045, section 5.2); this one is not. */
function withCharset(fields: readonly Field[], charset: string): readonly Field[] {
  const [type] = fieldsNamed({ fields }, 'Content-Type');
  if (type === undefined) return [...fields, newField('Content-Type', `text/plain; charset=${charset}`)];
  const body = fieldBody(type).trimEnd();
  const typed = withBody(type, `${body}${body.endsWith(';') ? '' : ';'}\r\n\tcharset=${charset}`);
  return fields.map((field) => (field === type ? typed : field));
}
