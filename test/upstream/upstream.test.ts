import { isIP, type LookupFunction } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import type { Envelope } from '../../src/smtp/envelope.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { FORGETFUL } from '../../src/upstream/habits.ts';
import { Trust } from '../../src/upstream/trust.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import type { Attempt } from '../../src/vocabulary/attempt.ts';
import type { UpstreamTarget } from '../../src/vocabulary/upstream-target.ts';
import { collectNews } from '../support/fakes/news.ts';
import {
  type Behaviour,
  CERTIFICATE,
  type Peer,
  politeUpstream,
  type ScriptedUpstream,
  scriptedUpstream,
} from '../support/fakes/scripted-upstream.ts';

const CREDENTIALS = { username: 'user', password: 'secret' };
const to = (localPart: string) => ({ forwardPath: { localPart, domain: 'example.org' } });
const envelope = (...names: string[]): Envelope => {
  const [first = 'you', ...rest] = names;
  return { reversePath: { localPart: 'cam', domain: 'example.org' }, recipients: [to(first), ...rest.map(to)], parameters: {} };
};
async function* bodyOf(...pieces: string[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}

const servers: ScriptedUpstream[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const resolvesTo =
  (addresses: readonly string[]): LookupFunction =>
  (_name, _options, found) =>
    found(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );

type Options = {
  readonly target?: Partial<UpstreamTarget>;
  readonly pin?: string;
  readonly ca?: string;
  readonly addresses?: readonly string[];
  readonly mayNotify?: () => boolean;
};

async function setUp(script: Behaviour | ((peer: Peer, connection: number) => Promise<void>), options: Options = {}) {
  const server = await scriptedUpstream(typeof script === 'function' ? script : (peer) => politeUpstream(peer, script));
  servers.push(server);
  const news = collectNews();
  const sizes: (number | undefined)[] = [];
  const target: UpstreamTarget = {
    security: 'starttls',
    host: '127.0.0.1',
    port: server.port,
    credentials: CREDENTIALS,
    auth: 'auto',
    ...options.target,
  };
  const trust = new Trust({ ca: options.pin === undefined ? (options.ca ?? CERTIFICATE.cert) : undefined, pin: options.pin });
  const upstream = new Upstream(target, {
    clock: systemClock,
    random: systemRandom,
    ...(options.addresses === undefined ? {} : { lookup: resolvesTo(options.addresses) }),
    hostname: 'gate.example',
    mayNotify: options.mayNotify ?? (() => true),
    trust,
    tell: news.tell,
    learn: ({ sizeLimit }) => void sizes.push(sizeLimit),
    habits: FORGETFUL,
  });
  const send = (message: Envelope = envelope(), octets = 4, ...pieces: string[]): Promise<Attempt> =>
    upstream.send(
      { envelope: message, octets, body: () => bodyOf(...(pieces.length > 0 ? pieces : ['hi\r\n'])) },
      new AbortController().signal,
    );
  return { server, news, sizes, upstream, send };
}

const delivered = {
  result: 'answered',
  notifies: false,
  outcomes: [{ outcome: 'delivered', reply: { code: 250, status: '2.0.0', lines: ['2.0.0 taken'] } }],
};

describe('the right way', () => {
  test('STARTTLS, EHLO again, AUTH, a pipelined transaction', async () => {
    const { server, send, sizes, news, upstream } = await setUp({});
    expect(await send(envelope(), 30, 'Subject: x\r\n\r\n.dot\r\n', 'end\r\n')).toEqual(delivered);
    await upstream.close();
    expect(server.heard).toEqual([
      'EHLO gate.example',
      'STARTTLS',
      '| EHLO gate.example',
      '| AUTH PLAIN AHVzZXIAc2VjcmV0',
      '| MAIL FROM:<cam@example.org> SIZE=30',
      '| RCPT TO:<you@example.org>',
      '| DATA',
      '| Subject: x',
      '| ',
      '| ..dot',
      '| end',
      '| .',
      '| QUIT',
    ]);
    expect(sizes).toEqual([100_000]);
    expect(news.of('upstreamConnected')).toMatchObject([{ tls: 'TLSv1.3', auth: 'PLAIN', sizeLimit: 100_000 }]);
  });

  test('commands go in one packet when PIPELINING is offered, one by one when not', async () => {
    for (const isOffered of [true, false]) {
      const waited: string[] = [];
      const note = (verb: string) => {
        waited.push(verb);
        return '250 ok\r\n';
      };
      const { send } = await setUp(async (peer) => {
        await politeUpstream(peer, {
          offersSecure: isOffered ? ['PIPELINING', 'AUTH PLAIN'] : ['AUTH PLAIN'],
          answers: { MAIL: () => note('MAIL'), RCPT: () => note('RCPT') },
        });
      });
      expect(await send(envelope('a', 'b'))).toMatchObject({
        result: 'answered',
        outcomes: [{ outcome: 'delivered' }, { outcome: 'delivered' }],
      });
      expect(waited).toEqual(['MAIL', 'RCPT', 'RCPT']);
    }
  });

  test('AUTH LOGIN when only that is offered; the connection serves the next message', async () => {
    const { server, send } = await setUp({ offersSecure: ['AUTH LOGIN'] });
    expect(await send()).toEqual(delivered);
    expect(await send()).toEqual(delivered);
    expect(server.connections()).toBe(1);
    expect(server.heard.filter((line) => line === '| dXNlcg==' || line === '| c2VjcmV0')).toHaveLength(2);
  });

  test('after a refusal the kept connection is reset before the next message', async () => {
    const { server, send } = await setUp({ answers: { RCPT: (line) => (line.includes('bad') ? '550 5.1.1 no\r\n' : '250 ok\r\n') } });
    expect(await send(envelope('bad'))).toMatchObject({ result: 'answered', outcomes: [{ outcome: 'bounced' }] });
    expect(await send()).toEqual(delivered);
    expect(server.connections()).toBe(1);
    expect(server.heard).toContain('| RSET');
  });

  test('a kept connection that the server closed meanwhile costs nothing', async () => {
    const { server, send } = await setUp((peer, connection) =>
      politeUpstream(
        peer,
        connection === 1
          ? {
              answers: {
                MAIL: (() => {
                  let seen = 0;
                  return () => (seen++ === 0 ? '250 ok\r\n' : undefined);
                })(),
              },
            }
          : {},
      ),
    );
    expect(await send()).toEqual(delivered);
    expect(await send()).toEqual(delivered);
    expect(server.connections()).toBe(2);
  });

  test('BDAT where CHUNKING is offered: no stuffing, the exact octets, and only once somebody wants the message', async () => {
    const chunks: string[] = [];
    const { server, send } = await setUp(async (peer) => {
      await politeUpstream(peer, {
        offersSecure: ['PIPELINING', 'CHUNKING', 'AUTH PLAIN'],
        answers: {
          BDAT: (line) => {
            chunks.push(line);
            return ''; // the octets follow, and are read as lines
          },
          QUEUED: () => '250 2.0.0 taken\r\n',
          '.DOT': () => '',
          RCPT: (line) => (line.includes('gone') ? '550 5.1.1 gone\r\n' : '250 ok\r\n'),
        },
      });
    });
    const message = '.dot\r\nQUEUED\r\n';
    expect(await send(envelope(), message.length, '.dot\r\n', 'QUEUED\r\n')).toEqual(delivered);
    expect(await send(envelope('gone'), message.length, message)).toMatchObject({ outcomes: [{ outcome: 'bounced' }] });
    expect(chunks).toEqual([`BDAT ${message.length} LAST`]);
    expect(server.heard.join()).not.toContain('DATA');
  });

  test('a server that offers CHUNKING and does not know BDAT costs an attempt, once', async () => {
    const { server, send } = await setUp({
      offersSecure: ['PIPELINING', 'CHUNKING', 'AUTH PLAIN'],
      answers: { BDAT: () => '502 5.5.1 what?\r\n', HI: () => '' },
    });
    expect(await send()).toMatchObject({
      result: 'no-answer',
      maybeDelivered: false, // though all of it was sent
      failure: { stage: 'data', problem: expect.stringMatching(/^CHUNKING is offered, but/) },
    });
    expect(await send()).toEqual(delivered);
    expect(await send()).toEqual(delivered);
    expect(server.heard.filter((line) => line.includes('BDAT'))).toHaveLength(1);
  });

  test.each([
    ['TLSv1.3, with an authority', {}, CERTIFICATE],
    ['TLSv1.3, with a pinned key', { pin: CERTIFICATE.pin }, CERTIFICATE],
    ['TLSv1.2, with an authority', {}, { ...CERTIFICATE, newest: 'TLSv1.2' as const }],
    ['TLSv1.2, with a pinned key', { pin: CERTIFICATE.pin }, { ...CERTIFICATE, newest: 'TLSv1.2' as const }],
  ])('a TLS session is resumed at the next connection, %s', async (_name, options, certificate) => {
    const reused: boolean[] = [];
    const { server, send, upstream } = await setUp(
      (peer) =>
        politeUpstream(peer, {
          certificate,
          answers: {
            MAIL: () => {
              reused.push(peer.isResumed());
              return '250 ok\r\n';
            },
          },
        }),
      options,
    );
    for (let connection = 0; connection < 3; connection++) {
      expect(await send()).toEqual(delivered);
      await upstream.close();
    }
    expect(server.connections()).toBe(3);
    expect(reused).toEqual([false, true, true]);
  });

  test('what was offered before STARTTLS is forgotten', async () => {
    const { server, send } = await setUp({ offers: ['STARTTLS', 'PIPELINING', 'SIZE 10', 'DSN'], offersSecure: ['AUTH PLAIN'] });
    expect(await send(envelope(), 400)).toEqual(delivered);
    expect(server.heard).toContain('| MAIL FROM:<cam@example.org>');
  });

  test.each(['SCRAM-SHA-256', 'CRAM-MD5', 'PLAIN', 'LOGIN'])('the strongest mechanism that is offered: %s', async (best) => {
    const order = ['LOGIN', 'PLAIN', 'CRAM-MD5', 'SCRAM-SHA-256'];
    const { server, send } = await setUp({
      offersSecure: [`AUTH ${order.slice(0, order.indexOf(best) + 1).join(' ')}`],
      answers: { AUTH: () => '535 5.7.8 no\r\n' },
    });
    await send();
    expect(server.heard.find((line) => line.startsWith('| AUTH'))).toMatch(new RegExp(`^\\| AUTH ${best}(?: |$)`));
  });

  test('one mechanism alone when the configuration says so', async () => {
    const { server, send } = await setUp({ offersSecure: ['AUTH SCRAM-SHA-256 PLAIN'] }, { target: { auth: 'plain' } });
    expect(await send()).toEqual(delivered);
    expect(server.heard.join()).toContain('AUTH PLAIN');
  });

  test.each([
    ['IPv6 first', ['::1', '127.0.0.1']],
    ['IPv4 first', ['127.0.0.1', '::1']],
    ['many that are dead', ['::1', '127.0.0.9', '127.0.0.8', '127.0.0.1']],
  ])('a name with several addresses, of which one answers: %s', async (_name, addresses) => {
    const { send } = await setUp({}, { target: { host: 'localhost' }, addresses }); // listens on 127.0.0.1 alone
    expect(await send()).toEqual(delivered);
  });

  test('a pinned key is trusted alone', async () => {
    const { send } = await setUp({}, { pin: CERTIFICATE.pin });
    expect(await send()).toEqual(delivered);
  });
});

describe('outcomes of a message', () => {
  test('each recipient on its own', async () => {
    const { send } = await setUp({
      answers: {
        RCPT: (line) =>
          line.includes('gone') ? '550 5.1.1 no such user\r\n' : line.includes('slow') ? '450 4.2.1 later\r\n' : '250 ok\r\n',
      },
    });
    expect(await send(envelope('you', 'gone', 'slow'))).toMatchObject({
      result: 'answered',
      outcomes: [
        { outcome: 'delivered' },
        { outcome: 'bounced', failure: { scope: 'message', stage: 'rcpt', reply: { code: 550, status: '5.1.1' } } },
        { outcome: 'deferred', failure: { scope: 'message', reply: { code: 450 } } },
      ],
    });
  });

  test.each([
    ['MAIL', '550 5.7.60 not yours', 'deferred', 'mail'],
    ['MAIL', '552 5.3.4 too large', 'bounced', 'mail'],
    ['MAIL', '451 4.3.0 later', 'deferred', 'mail'],
    ['DATA', '554 5.5.1 no', 'deferred', 'data'],
    ['DATA', '452 4.3.1 full', 'deferred', 'data'],
  ])('%s answered with %s: %s', async (verb, answer, outcome, stage) => {
    const { send } = await setUp({ answers: { [verb]: () => `${answer}\r\n` } });
    expect(await send()).toMatchObject({ result: 'answered', outcomes: [{ outcome, failure: { scope: 'message', stage } }] });
  });

  test.each([
    ['554 5.7.1 classified as spam', 'bounced'],
    ['554 5.6.0 odd', 'deferred'],
    ['451 4.7.1 greylisted', 'deferred'],
  ])('the dot answered with %s: %s', async (answer, outcome) => {
    const { send } = await setUp({ afterDot: () => answer });
    expect(await send(envelope('a', 'b'))).toMatchObject({ result: 'answered', outcomes: [{ outcome }, { outcome }] });
  });

  test('a message larger than the advertised size is not sent at all', async () => {
    const { server, send } = await setUp({});
    expect(await send(envelope(), 100_001)).toMatchObject({
      outcomes: [{ outcome: 'bounced', failure: { reply: { code: 552, status: '5.3.4' } } }],
    });
    expect(server.heard.join()).not.toContain('MAIL');
  });

  test('a server that takes DATA though it refused all recipients gets nothing', async () => {
    const received: string[] = [];
    const afterDot = (data: string) => {
      received.push(data);
      return '250 taken';
    };
    const { send } = await setUp({ answers: { RCPT: () => '550 5.1.1 no\r\n' }, afterDot });
    expect(await send()).toMatchObject({ outcomes: [{ outcome: 'bounced' }] });
    expect(received).toEqual(['']);
  });
});

test('a refused MAIL decides, not what a pipelined RCPT then gets', async () => {
  const { send } = await setUp({
    answers: { MAIL: () => '451 4.3.0 later\r\n', RCPT: () => '503 5.5.1 MAIL first\r\n', DATA: () => '503 5.5.1 RCPT first\r\n' },
  });
  expect(await send(envelope('a', 'b'))).toMatchObject({
    outcomes: [
      { outcome: 'deferred', failure: { scope: 'message', reply: { code: 451 } } },
      { outcome: 'deferred', failure: { scope: 'message', reply: { code: 451 } } },
    ],
  });
});

test("the day's quota is no refusal for good, whatever its code", async () => {
  const { send } = await setUp({ answers: { RCPT: () => '550 5.4.5 Daily user sending limit exceeded.\r\n' } });
  expect(await send()).toMatchObject({ outcomes: [{ outcome: 'deferred', failure: { advice: expect.stringContaining('quota') } }] });
});

test('too many recipients at once: the rest of them is tried again, however an old server says it', async () => {
  let count = 0;
  const { send } = await setUp({ answers: { RCPT: () => (++count > 2 ? '552 too many recipients\r\n' : '250 ok\r\n') } });
  expect(await send(envelope('a', 'b', 'c'))).toMatchObject({
    outcomes: [{ outcome: 'delivered' }, { outcome: 'delivered' }, { outcome: 'deferred' }],
  });
  const full = await setUp({ answers: { RCPT: () => '552 5.2.2 mailbox full\r\n' } });
  expect(await full.send()).toMatchObject({ outcomes: [{ outcome: 'bounced' }] });
});

test('DSN parameters are passed on where DSN is offered, and it is said who notifies', async () => {
  const wanted: Envelope = {
    ...envelope(),
    recipients: [{ ...to('you'), notify: ['success'], originalRecipient: 'rfc822;a+b@lan' }],
    parameters: { ret: 'full', envelopeId: 'x=1' },
  };
  const { server, send } = await setUp({ offersSecure: ['DSN', 'AUTH PLAIN'] });
  expect(await send(wanted)).toMatchObject({ notifies: true });
  expect(server.heard).toContain('| MAIL FROM:<cam@example.org> RET=FULL ENVID=x+3D1');
  expect(server.heard).toContain('| RCPT TO:<you@example.org> NOTIFY=SUCCESS ORCPT=rfc822;a+2Bb@lan');
  const without = await setUp({ offersSecure: ['AUTH PLAIN'] });
  expect(await without.send(wanted)).toMatchObject({ notifies: false });
  expect(without.server.heard).toContain('| RCPT TO:<you@example.org>');
});

describe('a failure of the upstream says nothing about the message', () => {
  const unavailable = (stage: string, problem: RegExp) => ({
    result: 'no-answer',
    maybeDelivered: false,
    failure: expect.objectContaining({
      scope: 'upstream',
      stage,
      problem: expect.stringMatching(problem),
    }),
  });
  const hello = async (peer: Peer) => {
    peer.say('220 x');
    await peer.line();
  };

  test.each<[string, (peer: Peer) => Promise<void>, string, RegExp]>([
    ['a 5xx greeting', async (peer) => peer.say('554 go away'), 'greeting', /554 go away/],
    ['a greeting that is none', async (peer) => peer.say('hello there'), 'greeting', /no SMTP reply/],
    ['closed before the greeting', async (peer) => peer.end(), 'greeting', /closed/],
    ['an endless line', async (peer) => peer.raw(`220 ${'x'.repeat(10_000)}\r\n`), 'greeting', /never ends/],
    ['an endless reply', async (peer) => peer.say(...Array(200).fill('220-x')), 'greeting', /no SMTP reply|never ends/],
    [
      'EHLO refused',
      async (peer) => {
        await hello(peer);
        peer.say('502 what');
      },
      'ehlo',
      /502/,
    ],
    [
      'STARTTLS not offered',
      async (peer) => {
        await hello(peer);
        peer.say('250-x', '250 PIPELINING');
      },
      'starttls',
      /does not offer STARTTLS/,
    ],
    [
      'STARTTLS refused',
      async (peer) => {
        await hello(peer);
        peer.say('250-x', '250 STARTTLS');
        await peer.line();
        peer.say('454 not now');
      },
      'starttls',
      /454/,
    ],
    [
      'more than the reply to STARTTLS',
      async (peer) => {
        await hello(peer);
        peer.say('250-x', '250 STARTTLS');
        await peer.line();
        peer.say('220 go', '250 injected');
      },
      'starttls',
      /inject/,
    ],
    [
      'garbage for a handshake',
      async (peer) => {
        await hello(peer);
        peer.say('250-x', '250 STARTTLS');
        await peer.line();
        peer.say('220 go');
        setTimeout(() => peer.say('not TLS at all, not at all'), 20);
      },
      'tls',
      /handshake failed/,
    ],
  ])('%s', async (_name, script, stage, problem) => {
    const { send } = await setUp(script);
    expect(await send()).toEqual(unavailable(stage, problem));
  });

  test.each<[string, Behaviour, string, RegExp]>([
    ['login refused', { answers: { AUTH: () => '535 5.7.8 bad password\r\n' } }, 'auth', /login as user by PLAIN was refused: 535/],
    ['no AUTH offered', { offersSecure: ['PIPELINING'] }, 'auth', /no AUTH at all/],
    ['no usable mechanism', { offersSecure: ['AUTH GSSAPI'] }, 'auth', /AUTH GSSAPI/],
    ['MAIL answered with 421', { answers: { MAIL: () => '421 4.7.0 closing\r\n' } }, 'mail', /421/],
    ['MAIL answered with 530', { answers: { MAIL: () => '530 5.7.0 authenticate first\r\n' } }, 'mail', /530/],
    ['250 to DATA', { answers: { DATA: () => '250 sure\r\n' } }, 'data', /odd answer/],
    ['354 to MAIL', { answers: { MAIL: () => '354 go\r\n' } }, 'mail', /odd answer/],
    ['a reset at RCPT', { answers: { RCPT: () => undefined } }, 'rcpt', /./],
  ])('%s', async (_name, behaviour, stage, problem) => {
    const { send } = await setUp(behaviour);
    expect(await send()).toEqual(unavailable(stage, problem));
  });

  test('a reset after the dot: it may have been delivered', async () => {
    const { send } = await setUp({ afterDot: () => undefined });
    expect(await send()).toMatchObject({ result: 'no-answer', maybeDelivered: true, failure: { stage: 'end-of-data' } });
  });

  test('nothing listens', async () => {
    const { server, send } = await setUp({});
    await server.close();
    expect(await send()).toEqual(unavailable('connect', /refuses the connection/));
  });

  test.each([
    ['expired', selfSigned({ notBefore: new Date(2020, 1, 1), notAfter: new Date(2021, 1, 1) }), /expired/],
    ['not yet valid', selfSigned({ notBefore: new Date(2090, 1, 1), notAfter: new Date(2091, 1, 1) }), /not yet valid/],
    ['for another name', selfSigned({ names: ['other.example'], addresses: ['192.0.2.1'] }), /not for 127\.0\.0\.1/],
  ])('a certificate that is %s', async (_name, certificate, problem) => {
    const { send, server } = await setUp({ certificate }, { ca: certificate.cert });
    expect(await send()).toEqual(unavailable('tls', problem));
    expect(server.heard.join()).not.toContain('AUTH');
  });

  test('a sender who may not be notified is not notified by the upstream either', async () => {
    const dsn: Behaviour = { offersSecure: ['DSN', 'AUTH PLAIN'] };
    const asked: Envelope = {
      reversePath: { localPart: 'victim', domain: 'outside.example' },
      recipients: [{ ...to('you'), notify: ['success', 'failure'], originalRecipient: 'rfc822;x@y' }],
      parameters: { ret: 'full', envelopeId: 'QQ' },
    };
    const confined = await setUp(dsn, { mayNotify: () => false });
    expect(await confined.send(asked)).toMatchObject({ result: 'answered', notifies: false });
    expect(confined.server.heard.filter((line) => /MAIL|RCPT/.test(line))).toEqual([
      '| MAIL FROM:<victim@outside.example>',
      '| RCPT TO:<you@example.org> NOTIFY=NEVER',
    ]);
    const free = await setUp(dsn);
    expect(await free.send(asked)).toMatchObject({ notifies: true });
    expect(free.server.heard).toContain('| MAIL FROM:<victim@outside.example> RET=FULL ENVID=QQ');
  });

  test('a look at what is offered logs in nowhere, and sends nothing', async () => {
    const { server, upstream, sizes } = await setUp({ offersSecure: ['SIZE 70000', 'AUTH PLAIN'] });
    await upstream.probe();
    expect(sizes).toEqual([70_000]);
    expect(server.heard).toEqual(['EHLO gate.example', 'STARTTLS', '| EHLO gate.example', '| QUIT']);
  });

  test.each([['10'], ['4096'], ['65535'], ['0'], ['']])('SIZE %s is no limit', async (size) => {
    const { send, sizes } = await setUp({ offersSecure: [`SIZE ${size}`, 'AUTH PLAIN'] });
    expect(await send(envelope(), 100_000)).toMatchObject({ result: 'answered' });
    expect(sizes).toEqual([undefined]);
  });

  test('the environment can not switch the verification off', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const { send, server } = await setUp({}, { ca: selfSigned().cert });
      expect(await send()).toEqual(unavailable('tls', /nobody this board trusts/));
      expect(server.heard.join()).not.toContain('AUTH');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  test('a certificate that nobody trusted has signed', async () => {
    const { send } = await setUp({ certificate: selfSigned() });
    expect(await send()).toEqual(unavailable('tls', /nobody this board trusts/));
  });

  test('another key than the pinned one', async () => {
    const { send, server } = await setUp({}, { pin: selfSigned().pin });
    expect(await send()).toEqual(unavailable('tls', /not the one of GATEPOST_UPSTREAM_PIN/));
    expect(server.heard).toEqual(['EHLO gate.example', 'STARTTLS']);
  });

  test('credentials never go without TLS', async () => {
    const { send, server } = await setUp({ offers: ['AUTH PLAIN LOGIN'] }, { target: { security: 'plain' } });
    expect(await send()).toEqual(unavailable('auth', /never sent without TLS/));
    expect(server.heard.join()).not.toContain('AUTH');
  });
});

test('stopping cuts a connection short', async () => {
  let connected: () => void = () => {};
  const isConnected = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const { upstream } = await setUp(async (peer) => {
    connected();
    await peer.line();
  });
  const stop = new AbortController();
  const attempt = upstream.send({ envelope: envelope(), octets: 1, body: () => bodyOf('x') }, stop.signal);
  await isConnected;
  stop.abort();
  expect(await attempt).toMatchObject({ result: 'no-answer', maybeDelivered: false });
});
