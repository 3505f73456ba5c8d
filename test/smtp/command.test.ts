import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/smtp/command.ts';
import { describeCommand } from '../../src/smtp/describe.ts';

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
    ['MAIL FROM <a@b.example>', mailbox('a', 'b.example')],
    ['MAIL FROM<a@b.example>', mailbox('a', 'b.example')],
    ['MAIL FROM a@b.example SIZE=5', mailbox('a', 'b.example')],
    ['MAIL FROM:Camera 1 <a@b.example> SIZE=5', mailbox('a', 'b.example')],
    ['MAIL FROM:"Front: <Door>" <a@b.example>', mailbox('a', 'b.example')],
    ['MAIL FROM:<Camera <a@b.example>>', mailbox('a', 'b.example')],
    ['MAIL FROM:<<a@b.example>>', mailbox('a', 'b.example')],
    ['MAIL FROM:<a@b.example SIZE=5', mailbox('a', 'b.example')],
    ['MAIL FROM:a@b.example>', mailbox('a', 'b.example')],
    ['MAIL FROM:<a@b.example>;', mailbox('a', 'b.example')],
    ['MAIL FROM:a@b.example,', mailbox('a', 'b.example')],
    ['\0MAIL FROM:<a@b.example>\0\0', mailbox('a', 'b.example')],
  ])('%s', (line, reversePath) => expect(parse(line)).toMatchObject({ verb: 'MAIL', reversePath }));

  test.each([
    ['MAIL FROM:<a@b> SIZE=1000', { size: 1000, parameters: {} }],
    ['MAIL FROM:<a@b> SIZE=', { size: undefined, parameters: {} }],
    ['MAIL FROM:<a@b> BODY=8BIT', { size: undefined, parameters: { body: '8BITMIME' } }],
    ['MAIL FROM:<a@b> BODY=8bitmime', { size: undefined, parameters: { body: '8BITMIME' } }],
    ['MAIL FROM:<a@b> SIZE=18446744073709551616', { size: Number.MAX_SAFE_INTEGER }],
    ['MAIL FROM:<a@b> RET=HDRS ENVID=QQ+2B1', { parameters: { ret: 'headers', envelopeId: 'QQ+1' } }],
    ['MAIL FROM:<a@b> AUTH=<>', { parameters: {} }],
  ])('%s', (line, parsed) => expect(parse(line)).toMatchObject(parsed));

  test.each([
    ['MAIL FROM:', 'no-path', 0],
    ['MAIL FROM:<a@b>SIZE=1', 'no-path', 11],
    ['MAIL FROM:<a b@c', 'no-path', 6],
    ['MAIL FROM:<a@b>,<c@d>', 'no-path', 11],
    ['MAIL FROM:a@b <c@d>', 'syntax', 9],
    ['MAIL FROM:<a@b>, <c@d>', 'several', 3],
    ['MAIL FROM:Camera <a@b> <c@d>', 'several', 3],
    ['MAIL FROM:<a@b,c@d>', 'several', 7],
    ['MAIL FROM:front door@lan SIZE=5', 'syntax', 21],
    ['MAIL FROM:<front door@lan> SIZE=5', 'syntax', 14],
    ['MAIL FROM:<root@(none)>', 'syntax', 11],
    ['MAIL FROM:<cam@My NAS>', 'syntax', 10],
    ['MAIL FROM:<cam@NPI-.local>', 'syntax', 14],
    ['MAIL FROM:<cam@lan..example>', 'syntax', 16],
    ['MAIL FROM:<a@b;>', 'syntax', 4],
  ])('%s has a path that names nobody', (line, unreadable, octets) =>
    expect(parse(line)).toMatchObject({ verb: 'MAIL', reversePath: { unreadable, octets } }),
  );

  test('RCPT with DSN parameters', () => {
    expect(parse('RCPT TO:<a@b> NOTIFY=success,FAILURE ORCPT=rfc822;x+2By@z')).toEqual({
      verb: 'RCPT',
      forwardPath: mailbox('a', 'b'),
      parameters: { notify: ['success', 'failure'], originalRecipient: 'rfc822;x+y@z' },
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
    ['MAIL FROM', { malformed: 'syntax', verb: 'MAIL' }],
    ['MAIL FROMa@b', { malformed: 'syntax', verb: 'MAIL' }],
    ['RCPT TO:<>', { verb: 'RCPT', forwardPath: { unreadable: 'syntax' } }],
    ['RCPT TO:<a@b@c>', { verb: 'RCPT', forwardPath: { unreadable: 'syntax' } }],
    ['RCPT TO:<a@-b.example>', { verb: 'RCPT', forwardPath: { unreadable: 'syntax' } }],
    ['RCPT TO:<a@[300.0.0.1]>', { verb: 'RCPT', forwardPath: { unreadable: 'syntax' } }],
    ['RCPT TO:<a\rb@c>', { verb: 'RCPT', forwardPath: { unreadable: 'control-character' } }],
    ['RCPT TO:<"a\nb"@c>', { verb: 'RCPT', forwardPath: { unreadable: 'control-character' } }],
    ['RCPT TO:<a\0@c>', { verb: 'RCPT', forwardPath: { unreadable: 'control-character' } }],
    [`RCPT TO:<${'a'.repeat(65)}@b>`, { verb: 'RCPT', forwardPath: { unreadable: 'too-long' } }],
    [`RCPT TO:<a@${'b.'.repeat(130)}c>`, { verb: 'RCPT', forwardPath: { unreadable: 'too-long' } }],
    ['MAIL FROM:<a@b> BY=1', { malformed: 'parameter', fault: 'unknown', parameter: 'BY' }],
    ['MAIL FROM:<a@b> sesame=1', { malformed: 'parameter', fault: 'unknown', parameter: 'a parameter of 8 octets' }],
    ['MAIL FROM:<a@b> sesame sesame', { malformed: 'parameter', fault: 'repeated', parameter: 'a parameter of 6 octets' }],
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
      verb: 'RCPT',
      forwardPath: { unreadable: 'control-character' },
    });
  });
});

describe('for the log', () => {
  test.each([
    ['EHLO cam\u001b[31m', 'EHLO cam?[31m'],
    ['MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME', 'MAIL FROM:<a@b> SIZE=10'],
    ['RCPT TO:<a@b>', 'RCPT TO:<a@b>'],
    ['RCPT TO:<a b@c>', 'RCPT TO: malformed path (syntax), 5 octets'],
    ['MAIL FROM:<cam:sesame@smtp.example>', 'MAIL FROM: malformed path (syntax), 23 octets'],
    ['MAIL FROM:<"cam:sesame"@smtp.example>', 'MAIL FROM:<...@smtp.example>'],
    ['MAIL FROM:<cam%3Asesame@smtp.example>', 'MAIL FROM:<...@smtp.example>'],
    ['MAIL FROM:<Y2FtOnNlc2FtZQ==@smtp.example>', 'MAIL FROM:<...@smtp.example>'],
    ['RCPT TO:<AGNhbQBzZXNhbWU=>', 'RCPT TO:<...>'],
    ['MAIL FROM:<frontdoor@lan>', 'MAIL FROM:<frontdoor@lan>'],
    ['MAIL FROM:<camera01@lan>', 'MAIL FROM:<camera01@lan>'],
    ['MAIL FROM:sesame sesame!', 'MAIL FROM: malformed path (syntax), 14 octets'],
    ['MAIL FROM:<a@b> sesame!', 'MAIL or RCPT with a parameter of 7 octets'],
    ['RCPT TO:<a@b> sesame', 'MAIL or RCPT with a parameter of 6 octets'],
    ['EHLO cam:sesame', 'EHLO ...'],
    ['EHLO [IPv6:2001:db8::1]', 'EHLO [IPv6:2001:db8::1]'],
    ['EHLO fe80::1', 'EHLO fe80::1'],
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
      if ('unreadable' in parsed.forwardPath) return;
      const { localPart, domain } = parsed.forwardPath;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(localPart + domain).not.toMatch(/[\u0000-\u001f\u007f]/);
    }),
    { numRuns: 3000 },
  );
});
