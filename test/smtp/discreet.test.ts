import { expect, test } from 'vitest';
import { discreet, discreetMailbox, discreetPath } from '../../src/smtp/discreet.ts';

const encode = (text: string) => Buffer.from(text, 'latin1').toString('base64');

test.each(['cam:sesame', 'cam%3Asesame', 'CAM%3asesame', encode('\0cam\0sesame'), encode('sesame'), encode('cam:sesame12'), '::sesame'])(
  '%s may hold a password',
  (text) => {
    expect(discreet(text)).toBe('...');
    expect(discreetMailbox({ localPart: text, domain: 'lan' })).toBe('...@lan');
    expect(discreetMailbox({ localPart: text, domain: '' })).toBe('...');
    expect(discreetPath({ localPart: text, domain: 'lan' })).toBe('<...@lan>');
  },
);

test.each([
  ...[
    'cam',
    'My NAS',
    'frontdoor',
    'front-door.lan',
    'camera01',
    'surveillance',
    'hikvision',
    'notifications',
    'doorbell',
    'homeassistant',
  ],
  ...['noreply', 'postmaster', 'alarmanlage', 'synology', 'printer1', 'SERVER01', 'NPI1A2B3C', 'raspberrypi4', 'localhost', 'root'],
  ...['', '2001:db8::1', '[IPv6:2001:db8::1]', '[192.0.2.7]'],
])('%j is a name', (text) => expect(discreet(text)).toBe(text));

test('mailboxes are written as RFC 5321 has it', () => {
  expect(discreetMailbox({ localPart: 'front door', domain: 'lan' })).toBe('"front door"@lan');
  expect(discreetPath(null)).toBe('<>');
});
