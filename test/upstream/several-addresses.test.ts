// How far one attempt goes through the addresses of a name: every address of loopback is the same server.

import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { Addresses } from '../../src/upstream/addresses.ts';
import { connect } from '../../src/upstream/connect.ts';
import { quit } from '../../src/upstream/dialogue.ts';
import { FORGETFUL, Habits } from '../../src/upstream/habits.ts';
import { Trust } from '../../src/upstream/trust.ts';
import { CERTIFICATE, type Peer, politeUpstream, type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';

const servers: ScriptedUpstream[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const NAMES = [1, 2, 3, 4, 5].map((last) => `127.0.0.${last}`);

/** Connects to `localhost`, which has five addresses; `script` serves each connection. */
async function attempt(
  script: (peer: Peer, connection: number) => Promise<void>,
  { hostname }: { readonly hostname?: string } = { hostname: 'gate.example' },
) {
  const server = await scriptedUpstream(script, { host: '0.0.0.0', port: 0 });
  servers.push(server);
  const steps: string[] = [];
  const addresses = new Addresses('localhost', systemClock, (_name, _options, found) =>
    found(
      null,
      NAMES.map((address) => ({ address, family: 4 })),
    ),
  );
  const connectNow = async () => {
    const made = await connect(
      { security: 'starttls', host: 'localhost', port: server.port, credentials: { username: 'u', password: 'p' }, auth: 'auto' },
      {
        clock: systemClock,
        random: systemRandom,
        hostname,
        trust: new Trust({ ca: CERTIFICATE.cert, pin: undefined }),
        memory: { session: undefined },
        addresses,
        habits: new Habits(FORGETFUL),
        step: (sentence) => void steps.push(sentence),
      },
      new AbortController().signal,
    );
    if (!('scope' in made)) await quit(made.wire);
    return made;
  };
  const tried = () => steps.flatMap((step) => /connected to (\S+)/.exec(step)?.[1] ?? []);
  return { server, connectNow, tried };
}

const busy = async (peer: Peer) => {
  peer.say('421 4.3.2 not now');
  peer.end();
};

test('what fails after the connect goes on to the next address, three times; the next attempt begins with the others', async () => {
  const { connectNow, tried } = await attempt((peer, connection) => (connection <= 3 ? busy(peer) : politeUpstream(peer)));
  expect(await connectNow()).toMatchObject({ scope: 'upstream', stage: 'greeting' });
  expect(tried()).toEqual(NAMES.slice(0, 3));
  expect(await connectNow()).toMatchObject({ auth: 'PLAIN' });
  expect(tried()[3]).toBe('127.0.0.4');
});

test.each([
  ['a login that is refused', (peer: Peer) => politeUpstream(peer, { answers: { AUTH: () => '535 5.7.8 no\r\n' } })],
  [
    'too many connections',
    async (peer: Peer) => {
      peer.say('421 4.7.0 Too many concurrent SMTP connections');
      peer.end();
    },
  ],
])('%s: no other address is asked', async (_name, script) => {
  const { connectNow, tried } = await attempt(script);
  expect(await connectNow()).toMatchObject({ scope: 'upstream' });
  expect(tried()).toEqual(['127.0.0.1']);
});

test('without a full name EHLO says the address that the connection comes from', async () => {
  const { server, connectNow } = await attempt((peer) => politeUpstream(peer), {});
  await connectNow();
  expect(server.heard[0]).toMatch(/^EHLO \[127\.\d+\.\d+\.\d+\]$/);
});
