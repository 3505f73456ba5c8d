// An upstream that is right in everything but one step, where a fault decides what happens.

import { CERTIFICATE, type Peer } from './scripted-upstream.ts';

/** Where a client waits for a reply. */
export const REPLIES = ['greeting', 'ehlo', 'starttls', 'ehlo-secure', 'auth', 'mail', 'rcpt', 'data', 'dot'] as const;
/** Beside those: the handshake, and the middle of the message. */
export type Step = (typeof REPLIES)[number] | 'tls' | 'body';

/**
 * Does something in place of the polite reply. The command was `taken` or `refused`, or the connection is `over`.
 */
export type Fault = (peer: Peer, polite: string) => Promise<'taken' | 'refused' | 'over'>;

/** What happens at which step. */
export type FaultAt = { readonly step: Step; readonly fault: Fault };

/**
 * Serves one connection. `took` is given each message whose dot came; what it returns is called if that message is then
 * refused.
 */
export async function faultyUpstream(peer: Peer, at: FaultAt | undefined, took: (data: string) => () => void): Promise<void> {
  const reply = async (step: Step, polite: string) => {
    if (at?.step === step) return at.fault(peer, polite);
    peer.raw(polite);
    return 'taken';
  };
  let mail = 'refused';
  let rcpt = 'refused';
  const serve = async (line: string): Promise<string> => {
    switch (line.split(/[ :]/)[0]?.toUpperCase()) {
      case 'EHLO':
        return peer.isSecure
          ? reply('ehlo-secure', '250-up.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n')
          : reply('ehlo', '250-up.example\r\n250 STARTTLS\r\n');
      case 'STARTTLS': {
        const result = await reply('starttls', '220 go ahead\r\n');
        if (result !== 'taken') return result;
        if (at?.step === 'tls') return at.fault(peer, '');
        await peer.secure(CERTIFICATE);
        return 'taken';
      }
      case 'AUTH':
        return reply('auth', '235 2.7.0 ok\r\n');
      case 'MAIL':
        rcpt = 'refused';
        mail = await reply('mail', '250 2.1.0 ok\r\n');
        return mail;
      case 'RCPT':
        if (mail === 'taken') rcpt = await reply('rcpt', '250 2.1.5 ok\r\n');
        else peer.say('503 5.5.1 MAIL first');
        return rcpt;
      case 'DATA': {
        if (rcpt !== 'taken') {
          peer.say('554 5.5.1 no valid recipients');
          return 'refused';
        }
        const result = await reply('data', '354 go\r\n');
        if (result !== 'taken') return result;
        if (at?.step === 'body') {
          await peer.line();
          if ((await at.fault(peer, '')) === 'over') return 'over';
        }
        const data = await peer.data();
        if (data === undefined) return 'over';
        const undo = took(data);
        const verdict = await reply('dot', '250 2.0.0 taken\r\n');
        if (verdict === 'refused') undo();
        return verdict;
      }
      case 'QUIT':
        peer.say('221 bye');
        peer.end();
        return 'over';
      default:
        peer.say('250 2.0.0 ok');
        return 'taken';
    }
  };
  if ((await reply('greeting', '220 up.example ESMTP\r\n')) === 'over') return;
  for (let line = await peer.line(); line !== undefined; line = await peer.line()) if ((await serve(line)) === 'over') return;
  peer.end();
}
