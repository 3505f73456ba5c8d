import { expect, test } from 'vitest';
import { fieldName } from '../../src/message/field.ts';
import { type Arrival, isLooping, traceField } from '../../src/message/trace.ts';
import type { Recipients } from '../../src/smtp/envelope.ts';
import type { WallTime } from '../../src/system/clock.ts';

const to = (domain: string) => ({ forwardPath: { localPart: 'owner', domain } });
const ARRIVAL: Arrival = {
  hello: 'cam.lan',
  address: '192.0.2.7',
  hostname: 'gate.example',
  instance: '7f3a',
  protocol: 'ESMTP',
  id: 'ID1',
  recipients: [to('a.example')],
  time: Date.UTC(2026, 10, 24, 12) as WallTime,
};
const unfolded = (arrival: Partial<Arrival>) =>
  traceField({ ...ARRIVAL, ...arrival })
    .toString()
    .replaceAll('\r\n\t', ' ');

test('as RFC 5321, section 4.4, has it', () => {
  expect(traceField(ARRIVAL).toString()).toBe(
    'Received: from cam.lan ([192.0.2.7]) by gate.example (Gatepost 7f3a) with\r\n' +
      '\tESMTP id ID1 for <owner@a.example>; Tue, 24 Nov 2026 12:00:00 +0000\r\n',
  );
});

const SEVERAL: Recipients = [to('a.example'), to('b.example')];

test.each<[string, Partial<Arrival>, string]>([
  ['several recipients stay hidden from each other', { recipients: SEVERAL }, 'id ID1; Tue'],
  ['an IPv6 address', { address: '2001:db8::1' }, 'from cam.lan ([IPv6:2001:db8::1]) by'],
  ['an address literal', { hello: '[192.0.2.7]' }, 'from [192.0.2.7] ([192.0.2.7]) by'],
  ['a name that is none', { hello: 'my cam (x) \r\nBcc: a@b' }, 'from [192.0.2.7] (helo my?cam??x????Bcc:?a?b) by'],
  ['no name', { hello: '' }, 'from [192.0.2.7] (helo ) by'],
  ['a name beyond ASCII', { hello: 't\u00fcr.lan' }, 'from [192.0.2.7] (helo t?r.lan) by'],
  ['a long one', { hello: '!'.repeat(200) }, `(helo ${'?'.repeat(64)}) by`],
])('%s', (_, arrival, part) => {
  expect(unfolded(arrival)).toContain(part);
  expect(unfolded(arrival).match(/\r\n/g)).toHaveLength(1);
});

const section = (...raw: readonly string[]) => ({
  fields: raw.map((one) => ({ name: fieldName(one) ?? '', raw: Buffer.from(one) })),
  rest: Buffer.of(),
});

test('a message goes in a circle when it was here already, or had more than 50 hops', () => {
  const other = traceField({ ...ARRIVAL, instance: 'ffff' }).toString();
  expect(isLooping(section(other), '7f3a')).toBe(false);
  expect(isLooping(section(other, traceField(ARRIVAL).toString()), '7f3a')).toBe(true);
  expect(isLooping(section('Subject: (Gatepost 7f3a)\r\n'), '7f3a')).toBe(false);
  expect(isLooping(section(...Array(50).fill('Received: x\r\n')), '7f3a')).toBe(false);
  expect(isLooping(section(...Array(51).fill('RECEIVED: x\r\n')), '7f3a')).toBe(true);
});
