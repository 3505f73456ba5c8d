// Enhanced status codes (RFC 3463, registry of RFC 5248) as a template-literal type, so that a `452` can't be
// paired with a `5.3.4`: the class of the status must agree with the reply code.

/** 2: success, 4: not now, 5: not at all (RFC 3463, section 2). */
type StatusClass = 2 | 4 | 5;

/** An enhanced status code such as `5.3.4`; `C` is its class. */
export type Status<C extends StatusClass = StatusClass> = `${C}.${number}.${number}`;

const STATUS = /^([245])\.(\d{1,3})\.(\d{1,3})(?= |$)/;

/**
 * The enhanced status at the start of `text`, the text of a reply whose code begins with `replyClass` (RFC 2034,
 * section 4); undefined when there is none, or one of another class.
 */
export function statusOf(text: string, replyClass: number): Status | undefined {
  const match = STATUS.exec(text);
  return match !== null && Number(match[1]) === replyClass ? (match[0] as Status) : undefined;
}
