// The name that EHLO says where there is no full one (RFC 5321, section 4.1.4): an address literal (section 4.1.3) of
// the address that the connection comes from. A bare name, such as a fresh board has, is what Postfix's
// reject_non_fqdn_helo_hostname refuses; a literal is what other clients that submit mail say too (Thunderbird,
// Python's smtplib, nodemailer).

import { isIPv6 } from 'node:net';

/** `[192.0.2.1]` or `[IPv6:2001:db8::1]`. */
export function addressLiteral(address: string): string {
  const plain = address.replace(/%.*$/, ''); // the interface of a link-local address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return `[${mapped}]`;
  return isIPv6(plain) ? `[IPv6:${plain}]` : `[${plain}]`;
}
