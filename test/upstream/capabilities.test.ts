import { describe, expect, test } from 'vitest';
import { intersect, NO_CAPABILITIES, readCapabilities } from '../../src/upstream/capabilities.ts';

const offering = (...lines: string[]) => readCapabilities({ code: 250, lines: ['mx.example.org at your service', ...lines] });

test('each keyword is one capability, in any case, whatever surrounds it', () => {
  const all = offering(
    ' pipelining ',
    '8BITMIME',
    'BinaryMIME',
    'SMTPUTF8',
    'DSN',
    'STARTTLS',
    'CHUNKING',
    'SIZE 35882577',
    'X-FUTURE yes',
  );
  expect(all).toEqual({
    size: true,
    sizeLimit: 35_882_577,
    eightBitMime: true,
    binaryMime: true,
    smtpUtf8: true,
    dsn: true,
    pipelining: true,
    startTls: true,
    chunking: true,
    auth: new Set(),
    offers: ['pipelining', '8BITMIME', 'BinaryMIME', 'SMTPUTF8', 'DSN', 'STARTTLS', 'CHUNKING', 'SIZE 35882577', 'X-FUTURE yes'],
  });
});

test('a greeting that names an extension offers nothing', () => {
  expect(readCapabilities({ code: 250, lines: ['PIPELINING'] })).toEqual(NO_CAPABILITIES);
});

test.each<[string, string[], string[]]>([
  ['as RFC 4954 has it', ['AUTH PLAIN LOGIN'], ['PLAIN', 'LOGIN']],
  ['as old servers have it', ['AUTH=PLAIN LOGIN'], ['PLAIN', 'LOGIN']],
  ['in both ways', ['AUTH PLAIN', 'AUTH=LOGIN'], ['PLAIN', 'LOGIN']],
  ['in small letters, with a tab', ['auth\tplain  xoauth2'], ['PLAIN', 'XOAUTH2']],
  ['none', ['AUTH'], []],
])('mechanisms: %s', (_name, lines, mechanisms) => {
  expect([...offering(...lines).auth]).toEqual(mechanisms);
});

test.each<[string, number | undefined]>([
  ['SIZE', undefined],
  ['SIZE 0', undefined],
  ['SIZE 65535', undefined],
  ['SIZE 65536', 65_536],
  ['SIZE 999999999999999', 999_999_999_999_999],
  ['SIZE 9999999999999999', undefined],
  ['SIZE many', undefined],
])('%s', (line, limit) => {
  expect(offering(line)).toMatchObject({ size: true, sizeLimit: limit });
});

describe('what devices may be promised', () => {
  const full = offering('SIZE 100000', 'SMTPUTF8', 'BINARYMIME', 'CHUNKING');
  test('what every upstream takes', () => {
    expect(intersect([full, offering('SIZE 200000', 'SMTPUTF8')])).toEqual({ size: 100_000, smtpUtf8: true, binaryMime: false });
  });
  test('an upstream without a limit limits nothing', () => {
    expect(intersect([full, offering('SMTPUTF8', 'BINARYMIME', 'CHUNKING')])).toEqual({ size: 100_000, smtpUtf8: true, binaryMime: true });
    expect(intersect([offering('SIZE')])).toEqual({ smtpUtf8: false, binaryMime: false });
  });
  test('BINARYMIME is of no use without CHUNKING (RFC 3030, section 3)', () => {
    expect(intersect([offering('BINARYMIME')])).toMatchObject({ binaryMime: false });
  });
});
