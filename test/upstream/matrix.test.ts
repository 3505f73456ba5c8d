// Step x fault: an upstream that goes wrong once, at one step, in one way, and then is well. For each, what
// becomes of the message in the queue. The relay's patience is RFC 5321's, on a clock that runs a hundred
// times as fast.

import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Queue } from '../../src/delivery/queue.ts';
import { Scheduler } from '../../src/delivery/scheduler.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { systemRandom } from '../../src/system/random.ts';
import { FORGETFUL } from '../../src/upstream/habits.ts';
import { Trust } from '../../src/upstream/trust.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { SETTINGS } from '../support/fakes/delivery.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { type Fault, type FaultAt, faultyUpstream, REPLIES, type Step } from '../support/fakes/faulty-upstream.ts';
import { CERTIFICATE, type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';
import { turningClock } from '../support/fakes/turning-clock.ts';
import { envelope, put, testSpool } from '../support/spool/spool.ts';

const clock = turningClock(100);
// A machine that is busy with other things gives these tests little time.
vi.setConfig({ testTimeout: 60_000 });

const BODY = Buffer.from(`Subject: alarm\r\n\r\n${'x'.repeat(70)}\r\n.dot\r\n`);

/**
 * What can become of a message.
 *   delivered      at the first attempt
 *   waits          the upstream was unavailable: the message was blamed for nothing, and went once when it was back
 *   maybe-twice    the same, but the dot was out, so the upstream has it twice (RFC 1047)
 *   maybe-once     the same, and in truth the upstream had not taken it
 *   deferred       the message was refused for now, and went once at its next attempt
 *   bounced        the message was refused for good, and its sender got a notification instead
 */
type Outcome = 'delivered' | 'waits' | 'maybe-twice' | 'maybe-once' | 'deferred' | 'bounced';

const servers: ScriptedUpstream[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

/** The first octets, and the rest once the upstream has done its worst and that is sure to have arrived. */
async function* inTwoHalves(body: AsyncIterable<Uint8Array>, hasHappened: Promise<void>) {
  for await (const chunk of body) {
    yield chunk.subarray(0, 40);
    await hasHappened;
    await wait(50);
    yield chunk.subarray(40);
  }
}

const queueOf = (spool: Spool): Queue => ({
  envelope: (id) => spool.envelope(id),
  body: (id) => spool.body(id),
  record: (id, settled, progress) => spool.record(id, settled, progress),
  remove: (id) => spool.remove(id),
  submit: (own, body) => spool.submit(own, body),
});

/** Sends one message through an upstream with this fault in its first connection. */
async function outcomeOf(at: FaultAt): Promise<Outcome> {
  const took: string[] = [];
  let happened: () => void = () => {};
  const hasHappened = new Promise<void>((resolve) => {
    happened = resolve;
  });
  let isOver = false;
  const once: Fault = async (peer, polite) => {
    if (isOver) {
      peer.raw(polite);
      return 'taken';
    }
    isOver = true;
    const result = at.fault(peer, polite);
    happened();
    return result;
  };
  const server = await scriptedUpstream((peer, connection) =>
    faultyUpstream(peer, connection === 1 ? { step: at.step, fault: once } : undefined, (data) => {
      took.push(data);
      return () => void took.splice(took.indexOf(data), 1);
    }),
  );
  servers.push(server);
  const { spool, news } = await testSpool(powerLosingDisk(), { clock });
  const upstream = new Upstream(
    { security: 'starttls', host: '127.0.0.1', port: server.port, credentials: { username: 'u', password: 'p' }, auth: 'auto' },
    {
      clock,
      random: systemRandom,
      hostname: 'gate.example',
      mayNotify: () => true,
      trust: new Trust({ ca: CERTIFICATE.cert, pin: undefined }),
      tell: news.tell,
      learn: () => {},
      habits: FORGETFUL,
    },
  );
  let emptied: () => void = () => {};
  const isEmpty = new Promise<void>((resolve) => {
    emptied = resolve;
  });
  const scheduler = new Scheduler({
    queue: at.step === 'body' ? { ...queueOf(spool), body: (id) => inTwoHalves(spool.body(id), hasHappened) } : spool,
    carriers: [upstream],
    clock,
    wall: () => clock.wall(),
    random: systemRandom,
    tell: (event, ...facts) => {
      news.tell(event, ...facts);
      if (event === 'removed' && spool.count === 0) emptied();
    },
    settings: { ...SETTINGS, retry: { min: 10_000, max: 10_000 } },
  });
  await put(spool, BODY, envelope());
  scheduler.start();
  spool.feed((stored) => scheduler.offer(stored));
  await isEmpty;
  await scheduler.stop(0);
  await upstream.close();
  await spool.close();

  const messages = took.filter((data) => data.startsWith('Subject: alarm'));
  const notifications = took.filter((data) => data.includes('report-type=delivery-status'));
  for (const message of messages) expect(message).toBe(BODY.toString().replace('\r\n.dot', '\r\n..dot'));
  const seen = {
    copies: messages.length,
    notifications: notifications.length,
    down: news.of('upstreamDown').length > 0,
    maybe: news.of('maybeDelivered').length,
    deferred: news.of('deferred').length,
    bounced: news.of('bounced').length,
    delivered: news.of('delivered').length,
  };
  const found = (Object.keys(SEEN) as Outcome[]).find((outcome) => JSON.stringify(SEEN[outcome]) === JSON.stringify(seen));
  expect(found, `what was seen is no outcome at all: ${JSON.stringify(seen)}`).toBeDefined();
  return found ?? 'delivered';
}

const NOTHING = { copies: 1, notifications: 0, down: false, maybe: 0, deferred: 0, bounced: 0, delivered: 1 };
const SEEN: Readonly<Record<Outcome, typeof NOTHING>> = {
  delivered: NOTHING,
  waits: { ...NOTHING, down: true },
  'maybe-twice': { ...NOTHING, copies: 2, down: true, maybe: 1 },
  'maybe-once': { ...NOTHING, down: true, maybe: 1 },
  deferred: { ...NOTHING, deferred: 1 },
  // The notification is the message that is delivered.
  bounced: { ...NOTHING, copies: 0, notifications: 1, bounced: 1 },
};

const forever = async () => new Promise<'over'>(() => {});
const saying =
  (text: string, result: 'taken' | 'refused' | 'over' = 'refused'): Fault =>
  async (peer) => {
    peer.raw(text);
    return result;
  };

const HARMLESS: Readonly<Record<string, Fault>> = {
  'a reply after ten seconds': async (peer, polite) => {
    await wait(100);
    peer.raw(polite);
    return 'taken';
  },
  'a reply octet by octet': async (peer, polite) => {
    for (const octet of polite) {
      peer.raw(octet);
      await wait(1);
    }
    return 'taken';
  },
  'a reply of many lines': async (peer, polite) => {
    const code = polite.slice(0, 3);
    peer.raw(`${code}-first\r\n${code}-\r\n${code}-${'long '.repeat(300)}\r\n${polite}`);
    return 'taken';
  },
  'a reply without text, LF at its end': async (peer, polite) => {
    peer.raw(polite.includes('-') ? polite.replaceAll('\r\n', '\n') : `${polite.slice(0, 3)}\n`);
    return 'taken';
  },
};

const UNAVAILABLE: Readonly<Record<string, Fault>> = {
  'no reply, the connection stays': forever,
  'a polite close': async (peer) => {
    peer.end();
    return 'over';
  },
  'a reset': async (peer) => {
    peer.reset();
    return 'over';
  },
  'half a reply and a close': async (peer, polite) => {
    peer.raw(polite.slice(0, 2));
    peer.end();
    return 'over';
  },
  'a line without end': async (peer) => {
    for (let piece = 0; piece < 40; piece++) peer.raw('2'.repeat(50_000));
    return forever();
  },
  'a reply without end': async (peer, polite) => {
    peer.raw(`${polite.slice(0, 3)}-more\r\n`.repeat(5_000));
    return forever();
  },
  'no reply but noise': async (peer) => {
    peer.raw('\u0000\u00ff\u0016\u0003\u0001 noise\r\n');
    return forever();
  },
  'codes that change midway': saying('250-one\r\n550 two\r\n', 'taken'),
  'a code of another kind': async (peer, polite) => {
    peer.raw(polite.startsWith('354') ? '250 sure\r\n' : '354 go\r\n');
    return 'taken';
  },
  '421': async (peer) => {
    peer.say('421 4.3.2 closing');
    peer.end();
    return 'over';
  },
};

/** Replies that speak of the message once there is one, and of the upstream before. */
const REFUSALS = { '451': saying('451 4.3.0 later\r\n'), '554': saying('554 5.3.0 no\r\n') };

const isAboutMessage = (step: Step) => step === 'mail' || step === 'rcpt' || step === 'data' || step === 'dot';

describe.concurrent.each(REPLIES)('at the reply to %s', (step) => {
  test.each(Object.entries(HARMLESS))('%s: delivered', async (_name, fault) => {
    expect(await outcomeOf({ step, fault })).toBe('delivered');
  });
  test.each(Object.entries(UNAVAILABLE))('%s', async (_name, fault) => {
    expect(await outcomeOf({ step, fault })).toBe(step === 'dot' ? 'maybe-twice' : 'waits');
  });
  // What is final is known by its words; what is not known is held (src/delivery/evidence.ts).
  test.each(Object.entries(REFUSALS))('%s', async (_code, fault) => {
    const outcome = await outcomeOf({ step, fault });
    expect(outcome).toBe(isAboutMessage(step) ? 'deferred' : 'waits');
  });
  // What follows is then out of step. Nothing may be blamed on a message for that; after the dot it does no harm.
  test('one reply too many', async () => {
    const fault: Fault = async (peer, polite) => {
      peer.raw(polite + polite);
      return 'taken';
    };
    const outcome = await outcomeOf({ step, fault });
    expect(outcome).toBe(step === 'dot' ? 'delivered' : 'waits');
  });
});

describe.concurrent('in the handshake', () => {
  test.each<[string, Fault]>([
    ['silence', forever],
    [
      'a close',
      async (peer) => {
        peer.end();
        return 'over';
      },
    ],
    [
      'a reset',
      async (peer) => {
        peer.reset();
        return 'over';
      },
    ],
    [
      'noise',
      async (peer) => {
        peer.raw('this is no TLS at all, not even a little');
        return forever();
      },
    ],
  ])('%s', async (_name, fault) => {
    expect(await outcomeOf({ step: 'tls', fault })).toBe('waits');
  });
});

describe.concurrent('in the middle of the message', () => {
  const refusing =
    (text: string): Fault =>
    async (peer) => {
      peer.raw(text);
      peer.end();
      return 'over';
    };
  test.each<[string, Fault, Outcome]>([
    [
      'a close',
      async (peer) => {
        peer.end();
        return 'over';
      },
      'waits',
    ],
    [
      'a reset',
      async (peer) => {
        peer.reset();
        return 'over';
      },
      'waits',
    ],
    ['a refusal for good, and a close', refusing('552 5.3.4 too big\r\n'), 'bounced'],
    ['a refusal for now, and a close', refusing('452 4.3.1 full\r\n'), 'deferred'],
    ['421 and a close', refusing('421 4.3.2 closing\r\n'), 'waits'],
    ['250 before the end', refusing('250 2.0.0 taken\r\n'), 'waits'],
    // All was sent, and only the server knows what it made of it.
    ['nobody reads on', forever, 'maybe-once'],
  ])('%s', async (_name, fault, expected) => {
    expect(await outcomeOf({ step: 'body', fault })).toBe(expected);
  });
});
