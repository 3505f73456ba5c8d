import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeCommand, parseCommand } from '../../src/smtp/command.ts';

const parse = (line: string) => parseCommand(Buffer.from(line));
const mailbox = (localPart: string, domain: string) => ({ localPart, domain });

describe('commands', () => {
  test.each([
    ['EHLO cam.example.org', { verb: 'EHLO', name: 'cam.example.org' }],
    ['helo', { verb: 'HELO', name: '' }],
    ['ehlo  my_cam with spaces ', { verb: 'EHLO', name: 'my_cam with spaces' }],
    ['DATA ', { verb: 'DATA' }],
    ['NOOP whatever', { verb: 'NOOP' }],
    ['VRFY user', { verb: 'VRFY', argument: 'user' }],
    ['BDAT 86 LAST', { verb: 'BDAT', octets: 86, last: true }],
    ['bdat 0', { verb: 'BDAT', octets: 0, last: false }],
    ['AUTH plain =', { verb: 'AUTH', mechanism: 'PLAIN', initialResponse: '=' }],
    ['TURN', { verb: 'TURN' }],
    ['  \t NOOP', { verb: 'NOOP' }],
    [' AUTH PLAIN AGNhbQBzZXNhbWU=', { verb: 'AUTH', mechanism: 'PLAIN', initialResponse: 'AGNhbQBzZXNhbWU=' }],
  ])('%s', (line, command) => expect(parse(line)).toEqual(command));

  test.each([
    ['MAIL FROM:<a@b.example>', mailbox('a', 'b.example')],
    ['mail from: <a@b.example>', mailbox('a', 'b.example')],
    ['MAIL FROM:a@b.example', mailbox('a', 'b.example')],
    ['MAIL FROM :<a@b.example>  ', mailbox('a', 'b.example')],
    ['MAIL FROM:<>', null],
    ['MAIL FROM:<root>', mailbox('root', '')],
    ['MAIL FROM:<@relay.example,@other.example:a@b.example>', mailbox('a', 'b.example')],
    ['MAIL FROM:<"two words>"@b.example>', mailbox('two words>', 'b.example')],
    ['MAIL FROM:<"q\\"q"@b.example>', mailbox('q"q', 'b.example')],
    ['MAIL FROM:<a@[192.0.2.1]>', mailbox('a', '[192.0.2.1]')],
    ['MAIL FROM:<a@[IPv6:2001:db8::1]>', mailbox('a', '[IPv6:2001:db8::1]')],
    ['MAIL FROM:<grün@bücher.example> SMTPUTF8', mailbox('grün', 'bücher.example')],
  ])('%s', (line, reversePath) => expect(parse(line)).toMatchObject({ verb: 'MAIL', reversePath }));

  test.each([
    ['MAIL FROM:<a@b> SIZE=1000', { size: 1000, parameters: {} }],
    ['MAIL FROM:<a@b> BODY=8bitmime', { size: undefined, parameters: { body: '8BITMIME' } }],
    ['MAIL FROM:<a@b> SIZE=18446744073709551616', { size: Number.MAX_SAFE_INTEGER }],
    ['MAIL FROM:<a@b> RET=HDRS ENVID=QQ+2B1', { parameters: { ret: 'headers', envelopeId: 'QQ+1' } }],
    ['MAIL FROM:<a@b> AUTH=<>', { parameters: {} }],
  ])('%s', (line, parsed) => expect(parse(line)).toMatchObject(parsed));

  test('RCPT with DSN parameters', () => {
    expect(parse('RCPT TO:<a@b> NOTIFY=success,FAILURE ORCPT=rfc822;x+2By@z')).toEqual({
      verb: 'RCPT',
      recipient: { forwardPath: mailbox('a', 'b'), notify: ['success', 'failure'], originalRecipient: 'rfc822;x+y@z' },
    });
  });
});

describe('malformed', () => {
  test.each([
    ['', { malformed: 'empty' }],
    [' \t\r', { malformed: 'empty' }],
    ['FROB x', { malformed: 'unknown-command' }],
    ['GET / HTTP/1.1', { malformed: 'not-smtp', protocol: 'http' }],
    ['Host: gate', { malformed: 'not-smtp', protocol: 'http' }],
    ['GETc2VjcmV0', { malformed: 'unknown-command' }],
    ['\x16\x03\x01\x02', { malformed: 'not-smtp', protocol: 'tls' }],
    ['1234', { malformed: 'unknown-command' }],
    ['AUTH:PLAIN AGNhbQBzZXNhbWU=', { malformed: 'unknown-command' }],
    ['MAIL', { malformed: 'syntax', verb: 'MAIL' }],
    ['MAIL FROM:', { malformed: 'syntax', verb: 'MAIL' }],
    ['MAIL FROM:<a@b', { malformed: 'syntax', verb: 'MAIL' }],
    ['MAIL FROM:<a@b>SIZE=1', { malformed: 'syntax', verb: 'MAIL' }],
    ['RCPT TO:<>', { malformed: 'path', verb: 'RCPT', fault: 'syntax' }],
    ['RCPT TO:<a@b@c>', { malformed: 'path', verb: 'RCPT', fault: 'syntax' }],
    ['RCPT TO:<a@-b.example>', { malformed: 'path', verb: 'RCPT', fault: 'syntax' }],
    ['RCPT TO:<a@[300.0.0.1]>', { malformed: 'path', verb: 'RCPT', fault: 'syntax' }],
    ['RCPT TO:<a\rb@c>', { malformed: 'path', verb: 'RCPT', fault: 'control-character' }],
    ['RCPT TO:<"a\nb"@c>', { malformed: 'path', verb: 'RCPT', fault: 'control-character' }],
    ['RCPT TO:<a\0@c>', { malformed: 'path', verb: 'RCPT', fault: 'control-character' }],
    [`RCPT TO:<${'a'.repeat(65)}@b>`, { malformed: 'path', verb: 'RCPT', fault: 'too-long' }],
    [`RCPT TO:<a@${'b.'.repeat(130)}c>`, { malformed: 'path', verb: 'RCPT', fault: 'too-long' }],
    ['MAIL FROM:<a@b> FOO=1', { malformed: 'parameter', fault: 'unknown', parameter: 'FOO' }],
    ['MAIL FROM:<a@b> SIZE=-1', { malformed: 'parameter', fault: 'value', parameter: 'SIZE' }],
    ['MAIL FROM:<a@b> SIZE=1e3', { malformed: 'parameter', fault: 'value', parameter: 'SIZE' }],
    [`MAIL FROM:<a@b> SIZE=${'9'.repeat(21)}`, { malformed: 'parameter', fault: 'value', parameter: 'SIZE' }],
    ['MAIL FROM:<a@b> SIZE=1 SIZE=2', { malformed: 'parameter', fault: 'repeated', parameter: 'SIZE' }],
    ['MAIL FROM:<a@b> ENVID=+ZZ', { malformed: 'parameter', fault: 'value', parameter: 'ENVID' }],
    ['MAIL FROM:<a@b> ENVID=a+0D+0Ab', { malformed: 'parameter', fault: 'value', parameter: 'ENVID' }],
    ['RCPT TO:<a@b> NOTIFY=NEVER,SUCCESS', { malformed: 'parameter', fault: 'value', parameter: 'NOTIFY' }],
    ['RCPT TO:<a@b> ORCPT=x', { malformed: 'parameter', fault: 'value', parameter: 'ORCPT' }],
    ['BDAT -1', { malformed: 'syntax', verb: 'BDAT' }],
    ['BDAT 1 FIRST', { malformed: 'syntax', verb: 'BDAT' }],
  ])('%j', (line, malformed) => expect(parse(line)).toMatchObject(malformed));

  test('octets outside UTF-8 in an address', () => {
    expect(parseCommand(Buffer.from('RCPT TO:<a\xff@b>', 'latin1'))).toMatchObject({ verb: 'RCPT' });
    expect(parseCommand(Buffer.from('RCPT TO:<a\x85@b>', 'latin1'))).toMatchObject({
      malformed: 'path',
      verb: 'RCPT',
      fault: 'control-character',
    });
  });
});

describe('for the log', () => {
  test.each([
    ['EHLO cam\u001b[31m', 'EHLO cam?[31m'],
    ['MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME', 'MAIL FROM:<a@b> SIZE=10'],
    ['RCPT TO:<a@b>', 'RCPT TO:<a@b>'],
    ['RCPT TO:<a b@c>', 'RCPT TO:<a b@c>'],
    ['BDAT 5 LAST', 'BDAT 5 LAST'],
    ['VRFY c2VzYW1l', 'VRFY'],
    ['AUTH PLAIN AGNhbQBzZXNhbWU=', 'AUTH PLAIN'],
    [' AUTH PLAIN AGNhbQBzZXNhbWU=', 'AUTH PLAIN'],
    ['AUTH c2VzYW1l', 'AUTH ...'],
    ['AUTH PLAIN two words', 'AUTH, malformed, 20 octets'],
    ['AUTH:PLAIN AGNhbQBzZXNhbWU=', 'no command, 27 octets'],
    ['c2VzYW1l', 'no command, 8 octets'],
    ['1zZXNhbWU=', 'no command, 10 octets'],
    ['/zZXNhbWU=', 'no command, 10 octets'],
    ['+zZXNhbWU=', 'no command, 10 octets'],
    ['', 'no command, 0 octets'],
    ['DATA c2VzYW1l', 'DATA, malformed, 13 octets'],
    ['NOOP c2VzYW1l', 'NOOP'],
    ['STARTTLS c2VzYW1l', 'STARTTLS, malformed, 17 octets'],
    ['GET /?password=sesame HTTP/1.1', 'no command, 30 octets'],
  ])('%j is %j', (line, described) => expect(describeCommand(parse(line), line.length)).toBe(described));
});

test('no octets make the parser throw', () => {
  const verbs = fc.constantFrom('EHLO ', 'MAIL FROM:', 'RCPT TO:', 'BDAT ', 'AUTH ', 'VRFY ', '');
  fc.assert(
    fc.property(verbs, fc.uint8Array({ maxLength: 80 }), (verb, octets) => {
      const parsed = parseCommand(Buffer.concat([Buffer.from(verb), octets]));
      expect('verb' in parsed || 'malformed' in parsed).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('no accepted address holds a control character or is longer than 254 octets', () => {
  const address = fc.string({
    unit: fc.constantFrom('a', '.', '@', '"', '\\', '<', '>', ' ', '\t', '\r', '\n', '\0', '\x7f', 'ü', '[', ']', ':', '1'),
    maxLength: 40,
  });
  fc.assert(
    fc.property(address, (text) => {
      const parsed = parse(`RCPT TO:<${text}>`);
      if ('malformed' in parsed || parsed.verb !== 'RCPT') return;
      const { localPart, domain } = parsed.recipient.forwardPath;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(localPart + domain).not.toMatch(/[\u0000-\u001f\u007f]/);
    }),
    { numRuns: 3000 },
  );
});
