// What the owner of the board can do when an upstream refuses a new OAuth token. Pure; the first match wins.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';

const TABLE: readonly { readonly says: RegExp; readonly advice: string }[] = [
  // Exchange Online
  {
    says: /5\.7\.139|SmtpClientAuthentication is disabled/i,
    advice:
      'SMTP AUTH is switched off for this mailbox or organisation: its administrator can allow "Authenticated SMTP"; tokens need it, too',
  },
  // Exchange Online
  {
    says: /^535 5\.7\.3(?: |$)/,
    advice:
      'the token is of another account than the user in GATEPOST_UPSTREAM, or the application has no right to this mailbox ' +
      '(SMTP.Send; or SMTP.SendAsApp, a service principal and Add-MailboxPermission)',
  },
  {
    says: /^535/,
    advice: 'the token is of another account than the user in GATEPOST_UPSTREAM, or of another scope: log in again: gatepost oauth login',
  },
];

/** A sentence without a full stop; undefined for a reply that says nothing of tokens. */
export function adviceOnToken(reply: RemoteReply): string | undefined {
  return TABLE.find(({ says }) => says.test(describeReply(reply)))?.advice;
}
