// Why an attempt failed, as far as upstream and delivery act on it. What a reply means is decided in
// upstream/verdict.ts, once; what is done about it follows from the cause (src/delivery/README.md).

/**
 * Why no message can be handed over. `plain`: nothing more is known. `clock`: the certificate's dates don't fit the
 * board's date, and either may be wrong. `login`: a password was sent, and nothing was said of it. `login-refused`: it
 * was judged wrong. `authorization-lost`: there is no OAuth token until the owner acts. `mechanism`: the server does
 * not know the login mechanism that it offers. `connection`: this connection has served its turn, another one will do.
 * `single`: the provider takes fewer connections at once.
 */
const OF_UPSTREAM = ['plain', 'clock', 'login', 'login-refused', 'authorization-lost', 'mechanism', 'connection', 'single'] as const;

/** Why no message can be handed over; each is explained above. */
export type UpstreamCause = (typeof OF_UPSTREAM)[number];

/** `throttled`: the provider wants less at once. `quota`: what the account may send in a day or hour is used up. */
export type PaceCause = 'throttled' | 'quota';

/**
 * Why one message or recipient was refused. `message`: for its own sake, in words that are known. `sender`: the
 * provider does not take mail of this sender. `null-path`: it does not take the null reverse-path. `extension`: it
 * does not take what it offers. `unknown`: in words that say nothing; what others hear decides.
 */
export type MessageCause = 'message' | 'sender' | 'null-path' | 'extension' | 'unknown';

/** Why it failed, as far as upstream and delivery act on it. */
export type Cause = UpstreamCause | PaceCause | MessageCause;

/** Whether the cause says nothing about any message, and nothing can be sent at all. */
export const isOfUpstream = (cause: Cause): cause is UpstreamCause => OF_UPSTREAM.some((one) => one === cause);

/** Whether the cause says nothing about any message, and less is to be sent. */
export const isOfPace = (cause: Cause): cause is PaceCause => cause === 'throttled' || cause === 'quota';
