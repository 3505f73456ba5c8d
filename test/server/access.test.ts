import { describe, expect, test } from 'vitest';
import type { AccessSettings } from '../../src/server/access.ts';
import * as replies from '../../src/server/replies.ts';
import { parseMailbox } from '../../src/smtp/address.ts';
import { NO_REWRITING, neighbourhood, type SessionOptions, sessionParts, sizeLimitOf, tlsWith } from '../support/dialogs/access.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { memoryStore } from '../support/fakes/store.ts';

const accessWith = (options: SessionOptions) => sessionParts(options).access;

function mailbox(text: string) {
  const parsed = parseMailbox(text, { utf8: true });
  if (typeof parsed === 'string') throw new Error(`${text}: ${parsed}`);
  return parsed;
}

describe('addresses', () => {
  const NET = { address: '192.0.2.0', prefix: 24, family: 'ipv4' } as const;
  const ROUTER = { address: '192.0.2.1', prefix: 32, family: 'ipv4' } as const;
  const near = neighbourhood(['192.0.2.7', '198.51.100.7'], ['192.0.2.1', '198.51.100.1']);
  test.each<[string, string, AccessSettings['allow'], 'allowed' | RegExp]>([
    ['a network', '192.0.2.9', { networks: [NET], lan: false, gateway: false }, 'allowed'],
    ['another network', '203.0.113.1', { networks: [NET], lan: false, gateway: false }, /may not use this relay/],
    ['its router', '192.0.2.1', { networks: [NET], lan: false, gateway: false }, /the way to the internet/],
    ['its router by name', '192.0.2.1', { networks: [ROUTER], lan: false, gateway: false }, 'allowed'],
    ['routers', '198.51.100.1', { networks: [], lan: false, gateway: true }, 'allowed'],
    ['own networks', '198.51.100.7', { networks: [], lan: true, gateway: false }, 'allowed'],
    ['own networks, unless', '198.51.100.7', { networks: [], lan: false, gateway: true }, /may not use this relay/],
    ['IPv6', '2001:db8::1', { networks: [{ address: '2001:db8::', prefix: 32, family: 'ipv6' }], lan: false, gateway: false }, 'allowed'],
  ])('%s: %s', (_, address, allow, outcome) => {
    const refused = accessWith({ settings: { allow }, near }).refuseAddress(address);
    if (outcome === 'allowed') expect(refused).toBeUndefined();
    else expect(refused?.refusal.text).toMatch(outcome);
  });
});

describe('senders and recipients', () => {
  const policy = accessWith({
    settings: {
      allowSenders: ['*@lan.example'],
      allowRecipients: ['@home.example', 'me@work.example'],
      rewriting: { ...NO_REWRITING, defaultDomain: 'lan.example' },
    },
  }).policy();
  test.each([
    ['cam@lan.example', undefined],
    ['CAM@LAN.example', undefined],
    ['cam', undefined],
    ['cam@else.example', replies.senderNotAllowed('cam@else.example')],
    ['"cam:sesame"@else.example', replies.senderNotAllowed('...@else.example')],
  ])('from %s', (sender, refusal) => expect(policy.takeSender(mailbox(sender))).toEqual(refusal ?? mailbox(sender)));

  test('the null sender has to be allowed as itself', () => {
    expect(policy.takeSender(null)).toEqual(replies.nullSenderNotAllowed);
    expect(
      accessWith({ settings: { allowSenders: ['<>'] } })
        .policy()
        .takeSender(null),
    ).toBeNull();
    expect(accessWith({}).policy().takeSender(null)).toBeNull();
  });

  test.each([
    ['you@home.example', undefined],
    ['me@work.example', undefined],
    ['you@work.example', replies.recipientNotAllowed('you@work.example')],
    ['you', replies.recipientNotAllowed('you@lan.example')],
  ])('to %s', (recipient, refusal) => expect(policy.takeRecipient(mailbox(recipient))).toEqual(refusal ?? mailbox(recipient)));

  describe('that the owner replaces', () => {
    const unreadable = { unreadable: 'syntax', octets: 9 } as const;
    const rewriting = { sender: mailbox('me@p.example'), recipient: mailbox('you@p.example'), defaultDomain: undefined };
    const replacing = accessWith({ settings: { rewriting } }).policy();

    test('may be unreadable, or need SMTPUTF8', () => {
      for (const path of [unreadable, mailbox('Tür@lan.example')]) {
        expect(replacing.takeSender(path)).toEqual(rewriting.sender);
        expect(replacing.takeRecipient(path)).toEqual(rewriting.recipient);
      }
      expect(replacing.takeSender(null)).toBeNull();
      expect(replacing.takeSender(mailbox('cam@lan'))).toEqual(mailbox('cam@lan'));
    });

    test('but are on a list where there is one', () => {
      const listed = accessWith({ settings: { rewriting, allowSenders: ['*'], allowRecipients: ['*'] } }).policy();
      expect(listed.takeSender(unreadable)).toEqual(replies.unreadablePath('MAIL', 'syntax'));
      expect(listed.takeRecipient(unreadable)).toEqual(replies.unreadablePath('RCPT', 'syntax'));
    });

    test('and are refused where nobody replaces them', () => {
      expect(accessWith({}).policy().takeSender(unreadable)).toEqual(replies.unreadablePath('MAIL', 'syntax'));
      expect(accessWith({}).policy().takeRecipient(unreadable)).toEqual(replies.unreadablePath('RCPT', 'syntax'));
    });
  });
});

describe('one more message', () => {
  test('of a size that fits, or is unknown', () => {
    const store = memoryStore();
    store.roomLeft = 500;
    const access = accessWith({ store, sizeLimit: sizeLimitOf(1_000) });
    expect(access.admit('cam', 0)).toBeUndefined();
    expect(access.admit('cam', 500)).toBeUndefined();
    expect(access.admit('cam', 501)).toEqual(replies.noRoomNow);
    expect(access.admit('cam', 1_001)).toEqual(replies.tooLarge(1_000));
  });

  test('that the store could never hold', () => {
    const store = { ...memoryStore(), room: () => 'never' as const };
    expect(accessWith({ store, sizeLimit: sizeLimitOf(1_000) }).admit('cam', 10)).toEqual(replies.tooLarge(1_000));
  });

  test('one that is too large is reported to the limit', () => {
    const reported: number[] = [];
    const sizeLimit = { octets: 1_000, exceeded: (octets: number) => void reported.push(octets) };
    const access = accessWith({ sizeLimit });
    access.admit('cam', 1_000);
    access.admit('cam', 1_001);
    expect(reported).toEqual([1_001]);
  });

  test('at the rate of its device; what is refused does not count', async () => {
    const clock = fakeClock();
    const settings = { deviceRate: { count: 2, per: 60_000 } };
    const access = accessWith({ clock, settings, sizeLimit: sizeLimitOf(1_000) });
    expect(access.admit('cam', 0)).toBeUndefined();
    expect(access.admit('cam', 2_000)).toEqual(replies.tooLarge(1_000));
    expect(access.admit('cam', 0)).toBeUndefined();
    expect(access.admit('cam', 0)).toEqual(replies.tooManyMessages);
    expect(access.admit('ups', 0)).toBeUndefined();
    await clock.advance(30_000);
    expect(access.admit('cam', 0)).toBeUndefined();
    expect(access.admit('cam', 0)).toEqual(replies.tooManyMessages);
  });

  test('from an IPv6 network at the rate of four devices', () => {
    const access = accessWith({ settings: { deviceRate: { count: 2, per: 3_600_000 } } });
    let taken = 0;
    for (let count = 2; count < 9; count++)
      for (let more = 0; more < 3; more++) if (access.admit(`fd00:77::${count}`, 0) === undefined) taken += 1;
    expect(taken).toBe(8);
    expect(access.admit('fd00:78::2', 0)).toBeUndefined();
  });

  test('a flood of addresses frees one that was silent, not one that goes on', () => {
    const access = accessWith({ settings: { deviceRate: { count: 1, per: 3_600_000 } } });
    expect(access.admit('silent', 0)).toBeUndefined();
    for (let count = 0; count < 4_096; count++) {
      access.admit(`address-${count}`, 0);
      access.admit('busy', 0);
    }
    expect(access.admit('busy', 0)).toEqual(replies.tooManyMessages);
    expect(access.admit('silent', 0)).toBeUndefined();
  });
});

test.each([
  ['off', true, { hasTls: false, isTlsRequired: false }],
  ['offered', true, { hasTls: true, isTlsRequired: false }],
  ['offered', false, { hasTls: false, isTlsRequired: false }],
  ['required', true, { hasTls: true, isTlsRequired: true }],
  ['required', false, { hasTls: false, isTlsRequired: true }],
] as const)('STARTTLS %s, a certificate: %s', (startTls, has, expected) => {
  const access = accessWith({ settings: { startTls }, tls: tlsWith(has ? ({} as never) : undefined) });
  expect(access.policy()).toMatchObject(expected);
  expect(access.isTlsWanted).toBe(startTls !== 'off');
});

test('a policy is a snapshot', () => {
  const sizeLimit = { octets: 1_000, exceeded: () => {} };
  const access = accessWith({ sizeLimit });
  const before = access.policy();
  sizeLimit.octets = 500;
  expect(before.sizeLimit).toBe(1_000);
  expect(access.policy().sizeLimit).toBe(500);
});
