// The service extensions (RFC 5321, section 2.2), one row each: when EHLO offers it, and what it has MAIL, RCPT and
// DATA refuse. EHLO's reply, HELP's list and those refusals follow from the rows, so that a new extension is a new row;
// parsing its parameters is the matter of smtp/parameters.ts. Whether SIZE octets fit is asked of the store, which is
// no pure question: Access.admit answers it.

import { isInternational, type Mailbox, type ReversePath } from '../smtp/address.ts';
import type { Verb } from '../smtp/command.ts';
import type { MailParameters } from '../smtp/envelope.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { Policy } from './access.ts';
import * as replies from './replies.ts';
import type { Channel } from './session-state.ts';

/** What MAIL gave, its path as it was taken. */
type Mail = { readonly reversePath: ReversePath; readonly parameters: MailParameters };

type Extension = {
  readonly keyword: string;
  /** The command that it adds; HELP lists it while the extension is offered. */
  readonly verb?: Verb;
  /** What stands after the keyword in EHLO's reply, '' for nothing; undefined while it is not offered. */
  offer(channel: Channel, policy: Policy): string | undefined;
  refuseMail?(mail: Mail, policy: Policy): Refusal | undefined;
  /** `parameters` are those of the transaction's MAIL. */
  refuseRecipient?(recipient: Mailbox, parameters: MailParameters): Refusal | undefined;
  refuseData?(parameters: MailParameters): Refusal | undefined;
};

const always = () => '';
const when = (isOffered: boolean) => (isOffered ? '' : undefined);

/** In the order in which EHLO's reply lists them; the first that refuses a command decides on the reply. */
const EXTENSIONS: readonly Extension[] = [
  { keyword: 'PIPELINING', offer: always }, // RFC 2920
  { keyword: 'SIZE', offer: (_, { sizeLimit }) => String(sizeLimit) }, // RFC 1870
  { keyword: '8BITMIME', offer: always }, // RFC 6152
  { keyword: 'CHUNKING', verb: 'BDAT', offer: always }, // RFC 3030, section 2
  {
    // RFC 3030, section 3
    keyword: 'BINARYMIME',
    offer: (_, { passedOn }) => when(passedOn.binaryMime),
    refuseMail: ({ parameters }, { passedOn }) =>
      parameters.body === 'BINARYMIME' && !passedOn.binaryMime ? replies.notOffered('BODY=BINARYMIME') : undefined,
    refuseData: ({ body }) => (body === 'BINARYMIME' ? replies.noBinary : undefined),
  },
  {
    // RFC 6531
    keyword: 'SMTPUTF8',
    offer: (_, { passedOn }) => when(passedOn.smtpUtf8),
    refuseMail({ reversePath, parameters }, { passedOn }) {
      if (parameters.smtpUtf8 === true) return passedOn.smtpUtf8 ? undefined : replies.notOffered('SMTPUTF8');
      return reversePath !== null && isInternational(reversePath) ? replies.utf8NotDeclared : undefined;
    },
    refuseRecipient: (recipient, parameters) =>
      isInternational(recipient) && parameters.smtpUtf8 !== true ? replies.utf8NotDeclared : undefined,
  },
  { keyword: 'DSN', offer: always }, // RFC 3461
  { keyword: 'ENHANCEDSTATUSCODES', offer: always }, // RFC 2034
  { keyword: 'STARTTLS', verb: 'STARTTLS', offer: ({ isSecure }, { hasTls }) => when(hasTls && !isSecure) }, // RFC 3207
  {
    // RFC 4954
    keyword: 'AUTH',
    verb: 'AUTH',
    offer({ isSecure, user }, { mechanisms, isTlsRequired }) {
      const isOffered = mechanisms.length > 0 && user === undefined && (isSecure || !isTlsRequired);
      return isOffered ? mechanisms.map(({ name }) => name).join(' ') : undefined;
    },
  },
  { keyword: 'LIMITS', offer: (_, { maxRecipients }) => `RCPTMAX=${maxRecipients}` }, // RFC 9422
  { keyword: 'ETRN', verb: 'ETRN', offer: always }, // RFC 1985
  { keyword: 'HELP', verb: 'HELP', offer: always }, // RFC 5321, section 4.1.1.8
];

// In HELP's order; those that an extension adds are listed only while it is offered.
const VERBS = 'EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY ETRN STARTTLS AUTH HELP QUIT'.split(' ');

/** What EHLO's reply lists: the extensions that are offered at this moment, each a keyword with its parameters. */
export function offeredExtensions(channel: Channel, policy: Policy): readonly string[] {
  return EXTENSIONS.flatMap(({ keyword, offer }) => {
    const parameters = offer(channel, policy);
    return parameters === undefined ? [] : `${keyword} ${parameters}`.trimEnd();
  });
}

/** The commands that can be of use at this moment. */
export function offeredVerbs(channel: Channel, policy: Policy): readonly string[] {
  const missing = EXTENSIONS.filter(({ offer }) => offer(channel, policy) === undefined).map(({ verb }) => verb);
  return VERBS.filter((verb) => !missing.some((one) => one === verb));
}

/** What MAIL is refused with for its parameters, or for a parameter that its reverse-path needs. */
export function refuseMail(mail: Mail, policy: Policy): Refusal | undefined {
  return first((extension) => extension.refuseMail?.(mail, policy));
}

/** What RCPT is refused with for a parameter that MAIL lacked. */
export function refuseRecipient(recipient: Mailbox, parameters: MailParameters): Refusal | undefined {
  return first((extension) => extension.refuseRecipient?.(recipient, parameters));
}

/** What DATA is refused with after a MAIL with these parameters. */
export function refuseData(parameters: MailParameters): Refusal | undefined {
  return first((extension) => extension.refuseData?.(parameters));
}

function first(refuse: (extension: Extension) => Refusal | undefined): Refusal | undefined {
  for (const extension of EXTENSIONS) {
    const refusal = refuse(extension);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
