// Dovecot's submission service as an upstream: TLS, SCRAM-SHA-256 and its kin, passing what it takes on to
// a server that the test gives it.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSigned } from '../../../scripts/lib/certificate.ts';
import { freePort } from '../../../scripts/lib/ports.ts';
import { temporaryFolder } from '../folders.ts';
import { startDaemon } from './daemon.ts';

/** The running server, and the account that it lets in. */
export type Dovecot = {
  readonly port: number;
  readonly certificate: string;
  readonly username: string;
  readonly password: string;
  /** Resolves once it has ended. */
  stop(): Promise<void>;
};

/** `relayPort`: where a plain SMTP server takes what Dovecot took. */
export async function startDovecot(mechanisms: readonly string[], relayPort: number): Promise<Dovecot> {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const inFolder = (name: string) => join(folder, name);
  for (const name of ['run', 'mail']) {
    mkdirSync(inFolder(name));
    chmodSync(inFolder(name), 0o777);
  }
  const port = await freePort();
  const certificate = selfSigned();
  writeFileSync(inFolder('cert.pem'), certificate.cert);
  writeFileSync(inFolder('key.pem'), certificate.key);
  const username = 'alerts@example.org';
  const password = 'pass word,1';
  writeFileSync(inFolder('users'), `${username}:{PLAIN}${password}::::::\n`, { mode: 0o644 });
  writeFileSync(
    inFolder('dovecot.conf'),
    `base_dir = ${inFolder('run')}
state_dir = ${inFolder('run')}
log_path = ${inFolder('log')}
protocols = submission
hostname = submission.example.org
listen = 127.0.0.1
ssl = required
ssl_cert = <${inFolder('cert.pem')}
ssl_key = <${inFolder('key.pem')}
auth_mechanisms = ${mechanisms.join(' ')}
mail_location = maildir:${inFolder('mail')}
submission_relay_host = 127.0.0.1
submission_relay_port = ${relayPort}
submission_relay_trusted = no
service submission-login {
  inet_listener submission {
    port = ${port}
  }
  inet_listener submissions {
    port = 0
  }
  chroot =
}
service anvil {
  chroot =
}
passdb {
  driver = passwd-file
  args = ${inFolder('users')}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${inFolder('mail')}
}
first_valid_uid = 1
`,
  );
  const daemon = await startDaemon('dovecot', ['-F', '-c', inFolder('dovecot.conf')], port);
  return {
    port,
    certificate: certificate.cert,
    username,
    password,
    stop: () => daemon.stop(),
  };
}
