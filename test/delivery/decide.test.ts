import { expect, test } from 'vitest';
import { decide, expire } from '../../src/delivery/decide.ts';
import {
  answered,
  bounced,
  deferred,
  delivered,
  envelopeTo,
  recipient,
  refusal,
  reply,
  upstreamFailure,
} from '../support/fakes/delivery.ts';

const [a, b, c] = [recipient('a'), recipient('b'), recipient('c')];
const envelope = envelopeTo(a, b, c);
const attempt = answered(delivered, deferred, bounced);

test('each recipient on its own', () => {
  expect(decide({ envelope, attempt, isOutOfTime: false, isHeldNoMore: false })).toEqual({
    delivered: [{ recipient: a, reply: reply(250) }],
    deferred: [{ recipient: b, failure: refusal(450) }],
    bounced: [{ recipient: c, failure: refusal(550) }],
    expired: [],
    isNotifiedThere: false,
  });
});

test('out of time, what is deferred has expired; the others are not touched by that', () => {
  expect(decide({ envelope, attempt: { ...attempt, notifies: true }, isOutOfTime: true, isHeldNoMore: false })).toEqual({
    delivered: [{ recipient: a, reply: reply(250) }],
    deferred: [],
    bounced: [{ recipient: c, failure: refusal(550) }],
    expired: [{ recipient: b, failure: refusal(450) }],
    isNotifiedThere: true,
  });
});

test('without an answer, all have expired', () => {
  const failure = upstreamFailure('body');
  const expired = [a, b, c].map((one) => ({ recipient: one, failure }));
  expect(expire(envelope, failure)).toEqual({ delivered: [], bounced: [], deferred: [], expired, isNotifiedThere: false });
});
