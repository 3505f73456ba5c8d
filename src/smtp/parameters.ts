// Parameters of MAIL and RCPT (RFC 5321, section 4.1.1.11) as typed values: SIZE (RFC 1870), BODY
// (RFC 6152, 3030), SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY, ORCPT (RFC 3461), AUTH (RFC 4954).
// Parsing reports what is wrong; formatting writes what the next hop's EHLO allows.

import type { BodyType, MailParameters, Notify, Recipient } from './envelope.ts';
import { decodeXtext, encodeXtext } from './xtext.ts';

/**
 * What is wrong with the parameters; `parameter` is the wrong one, in a form that may be shown: its keyword, or
 * `a parameter of 5 octets` where that is none which the RFCs know, since it may be a password.
 */
export type MalformedParameter = {
  readonly malformed: 'parameter';
  readonly fault: 'unknown' | 'value' | 'repeated';
  readonly parameter: string;
};

/** `size`: octets that were declared. */
type ParsedMail = { readonly size: number | undefined; readonly parameters: MailParameters };
/** What RCPT's parameters say of a recipient. */
export type RcptParameters = Omit<Recipient, 'forwardPath'>;

type Fields<T> = { -readonly [K in keyof T]: T[K] };

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
// What IANA has registered for MAIL and RCPT, and what other servers have made up.
const NAMES: ReadonlySet<string> = new Set(
  `SIZE BODY SMTPUTF8 RET ENVID NOTIFY ORCPT AUTH BY SUBMITTER SOLICIT MTRK TRANSID HOLDFOR HOLDUNTIL CONPERM MT-PRIORITY
   RRVS REQUIRETLS VERP XVERP XOORG`.split(/\s+/),
);
// RFC 3461, section 4.4: ENVID is at most 100 characters; ORCPT at most 500.
const LONGEST_ENVELOPE_ID = 100;
const LONGEST_ORIGINAL_RECIPIENT = 500;

/** Whether the word has the form of a parameter, `KEYWORD` or `KEYWORD=value` (RFC 5321, section 4.1.2). */
export const isParameter = (word: string): boolean => KEYWORD.test(keywordOf(word));

function keywordOf(word: string): string {
  const equals = word.indexOf('=');
  return (equals < 0 ? word : word.slice(0, equals)).toUpperCase();
}

const shown = (word: string): string => (NAMES.has(keywordOf(word)) ? keywordOf(word) : `a parameter of ${Buffer.byteLength(word)} octets`);

/** Keyword and value of each of `words`; the keyword in capitals, no value as undefined. */
function pairs(words: readonly string[]): readonly (readonly [string, string | undefined])[] | MalformedParameter {
  const found = new Map<string, string | undefined>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const keyword = keywordOf(word);
    if (!KEYWORD.test(keyword)) return { malformed: 'parameter', fault: 'unknown', parameter: shown(word) };
    if (found.has(keyword)) return { malformed: 'parameter', fault: 'repeated', parameter: shown(word) };
    found.set(keyword, equals < 0 ? undefined : word.slice(equals + 1));
  }
  return [...found];
}

/** MAIL's parameters from their words, `KEYWORD` or `KEYWORD=value`; `size` is undefined when it was not declared. */
export function parseMailParameters(words: readonly string[]): ParsedMail | MalformedParameter {
  const list = pairs(words);
  if ('malformed' in list) return list;
  const parameters: Fields<MailParameters> = {};
  let size: number | undefined;
  for (const [keyword, value] of list) {
    const wrong: MalformedParameter = { malformed: 'parameter', fault: 'value', parameter: keyword };
    switch (keyword) {
      case 'SIZE':
        if (value === '') break; // some devices know no size and say so in this way
        size = parseSize(value);
        if (size === undefined) return wrong;
        break;
      case 'BODY': {
        const body = parseBodyType(value);
        if (body === undefined) return wrong;
        parameters.body = body;
        break;
      }
      case 'SMTPUTF8':
        if (value !== undefined) return wrong;
        parameters.smtpUtf8 = true;
        break;
      case 'RET': {
        const ret = value?.toUpperCase();
        if (ret !== 'FULL' && ret !== 'HDRS') return wrong;
        parameters.ret = ret === 'FULL' ? 'full' : 'headers';
        break;
      }
      case 'ENVID': {
        const id = value === undefined || value === '' || value.length > LONGEST_ENVELOPE_ID ? undefined : decodeXtext(value);
        if (id === undefined) return wrong;
        parameters.envelopeId = id;
        break;
      }
      // RFC 4954, section 5: who submitted the message; checked for form, and dropped as the section allows where
      // there is no trust.
      case 'AUTH':
        if (value === undefined || decodeXtext(value) === undefined) return wrong;
        break;
      default:
        return { malformed: 'parameter', fault: 'unknown', parameter: shown(value === undefined ? keyword : `${keyword}=${value}`) };
    }
  }
  return { size, parameters };
}

/** RCPT's parameters from their words, `KEYWORD=value`. */
export function parseRcptParameters(words: readonly string[]): RcptParameters | MalformedParameter {
  const list = pairs(words);
  if ('malformed' in list) return list;
  const parameters: Fields<RcptParameters> = {};
  for (const [keyword, value] of list) {
    const wrong: MalformedParameter = { malformed: 'parameter', fault: 'value', parameter: keyword };
    switch (keyword) {
      case 'NOTIFY': {
        const notify = parseNotify(value);
        if (notify === undefined) return wrong;
        parameters.notify = notify;
        break;
      }
      case 'ORCPT': {
        const original = parseOriginalRecipient(value);
        if (original === undefined) return wrong;
        parameters.originalRecipient = original;
        break;
      }
      default:
        return { malformed: 'parameter', fault: 'unknown', parameter: shown(value === undefined ? keyword : `${keyword}=${value}`) };
    }
  }
  return parameters;
}

/**
 * SIZE's value in octets: at most 20 digits (RFC 1870, section 4). A figure beyond what a number holds exactly becomes
 * the largest that it does, which is still beyond any limit.
 */
function parseSize(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,20}$/.test(value)) return undefined;
  const octets = BigInt(value);
  return octets > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(octets);
}

function parseBodyType(value: string | undefined): BodyType | undefined {
  const body = value?.toUpperCase();
  if (body === '8BIT') return '8BITMIME'; // the name of the encoding (RFC 2045) in place of the extension's
  return body === '7BIT' || body === '8BITMIME' || body === 'BINARYMIME' ? body : undefined;
}

function parseNotify(value: string | undefined): Notify | undefined {
  const words = value?.toLowerCase().split(',') ?? [];
  if (words.length === 1 && words[0] === 'never') return 'never';
  const events: ('success' | 'failure' | 'delay')[] = [];
  for (const word of words) {
    if (word !== 'success' && word !== 'failure' && word !== 'delay') return undefined;
    if (!events.includes(word)) events.push(word);
  }
  return events.length > 0 ? events : undefined;
}

function parseOriginalRecipient(value: string | undefined): string | undefined {
  if (value === undefined || value.length > LONGEST_ORIGINAL_RECIPIENT) return undefined;
  const semicolon = value.indexOf(';');
  const type = value.slice(0, Math.max(semicolon, 0));
  const address = decodeXtext(value.slice(semicolon + 1));
  return KEYWORD.test(type) && address !== undefined && address !== '' ? `${type};${address}` : undefined;
}

/** Which extensions the next hop's EHLO offers, as far as parameters depend on them. */
export type ParameterSupport = {
  readonly size: boolean;
  readonly eightBitMime: boolean;
  readonly binaryMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
};

/**
 * MAIL's parameters for a next hop, with a leading space each; '' for none. `octets` is the message's size; what
 * the hop does not offer is left out.
 */
export function formatMailParameters(parameters: MailParameters, octets: number, needsUtf8: boolean, support: ParameterSupport): string {
  const words: string[] = [];
  if (support.size) words.push(`SIZE=${octets}`);
  if (parameters.body === 'BINARYMIME' && support.binaryMime) words.push('BODY=BINARYMIME');
  else if (parameters.body !== undefined && parameters.body !== '7BIT' && support.eightBitMime) words.push('BODY=8BITMIME');
  if (needsUtf8 && support.smtpUtf8) words.push('SMTPUTF8');
  if (support.dsn && parameters.ret !== undefined) words.push(parameters.ret === 'full' ? 'RET=FULL' : 'RET=HDRS');
  if (support.dsn && parameters.envelopeId !== undefined) words.push(`ENVID=${encodeXtext(parameters.envelopeId)}`);
  return words.map((word) => ` ${word}`).join('');
}

/** RCPT's parameters for a next hop, with a leading space each; '' for none, or when it has no DSN (RFC 3461). */
export function formatRcptParameters(recipient: Recipient, support: ParameterSupport): string {
  if (!support.dsn) return '';
  const { notify, originalRecipient } = recipient;
  const words: string[] = [];
  if (notify !== undefined) words.push(`NOTIFY=${notify === 'never' ? 'NEVER' : notify.join(',').toUpperCase()}`);
  if (originalRecipient !== undefined) {
    const semicolon = originalRecipient.indexOf(';');
    words.push(`ORCPT=${originalRecipient.slice(0, semicolon)};${encodeXtext(originalRecipient.slice(semicolon + 1))}`);
  }
  return words.map((word) => ` ${word}`).join('');
}
