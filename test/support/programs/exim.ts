// Exim as an upstream: its own configuration, spool and mail folder, STARTTLS and AUTH required. Debian's
// package can't be installed beside Postfix, so .ci/run unpacks it, and adds the user that is compiled in.

import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSigned } from '../../../scripts/lib/certificate.ts';
import { freePort } from '../../../scripts/lib/ports.ts';
import { whereIs } from '../../../scripts/lib/run.ts';
import { temporaryFolder } from '../folders.ts';
import { startDaemon } from './daemon.ts';
import { type MailFolder, mailFolder } from './mail-folder.ts';

/** The running server, its mail, and the account that it lets in. */
export type Exim = MailFolder & {
  readonly port: number;
  readonly certificate: string;
  readonly username: string;
  readonly password: string;
  log(): string;
  stop(): Promise<void>;
};

/** `mechanisms`: PLAIN, CRAM-MD5. */
export async function startExim(mechanisms: readonly string[] = ['PLAIN', 'CRAM-MD5']): Promise<Exim> {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  const inFolder = (name: string) => join(folder, name);
  for (const name of ['spool', 'mail', 'log']) {
    mkdirSync(inFolder(name));
    chmodSync(inFolder(name), 0o777);
  }
  const port = await freePort();
  const certificate = selfSigned();
  writeFileSync(inFolder('cert.pem'), certificate.cert);
  writeFileSync(inFolder('key.pem'), certificate.key, { mode: 0o644 });
  const username = 'alerts@example.org';
  const password = 'pass word:1';
  const authenticators: Readonly<Record<string, string>> = {
    PLAIN: `plain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  server_condition = \${if and{{eq{$auth2}{${username}}}{eq{$auth3}{${password}}}}}\n  server_set_id = $auth2\n`,
    'CRAM-MD5': `cram:\n  driver = cram_md5\n  public_name = CRAM-MD5\n  server_secret = \${if eq{$auth1}{${username}}{${password}}fail}\n  server_set_id = $auth1\n`,
  };
  writeFileSync(
    inFolder('exim.conf'),
    `primary_hostname = mx.example.org
exim_path = ${whereIs('exim4')}
keep_environment =
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
spool_directory = ${inFolder('spool')}
log_file_path = ${inFolder('log')}/%s
tls_advertise_hosts = *
tls_certificate = ${inFolder('cert.pem')}
tls_privatekey = ${inFolder('key.pem')}
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
message_size_limit = 20M
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny message = log in first
       !authenticated = *
  deny message = 5.1.1 no such user
       local_parts = gone
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  maildir_format
  directory = ${inFolder('mail')}
  user = Debian-exim
begin authenticators
${mechanisms.map((mechanism) => authenticators[mechanism] ?? '').join('')}`,
  );
  const daemon = await startDaemon('exim4', ['-C', inFolder('exim.conf'), '-bdf', '-q1m'], port);
  return {
    port,
    certificate: certificate.cert,
    username,
    password,
    ...mailFolder(inFolder('mail')),
    log: () =>
      readdirSync(inFolder('log'))
        .map((name) => readFileSync(join(folder, 'log', name), 'utf8'))
        .join(''),
    stop: () => daemon.stop(),
  };
}
