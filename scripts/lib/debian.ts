// Debian packages of any architecture, unpacked into a folder, by mmdebstrap. From the archive that this
// system's own apt uses, where that is Debian's of the same release: its updates and security suites are
// left out, since a mirror that is just being filled would fail all.

import { run } from './run.ts';

const RELEASE = 'bookworm';

/** `variant`: mmdebstrap's; `to`: a folder, or a file whose name ends with .tar. */
export function debianRoot(settings: {
  readonly architecture: string;
  readonly variant: 'extract' | 'essential';
  readonly include: readonly string[];
  readonly to: string;
}): void {
  const { architecture, variant, include, to } = settings;
  const archive = ownArchive();
  run(
    'mmdebstrap',
    [
      `--variant=${variant}`,
      `--architectures=${architecture}`,
      `--include=${include.join(',')}`,
      RELEASE,
      to,
      ...(archive === undefined ? [] : [`deb ${archive} ${RELEASE} main`]),
    ],
    'mmdebstrap',
  );
}

function ownArchive(): string | undefined {
  try {
    const targets = run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(CODENAME) $(COMPONENT)', 'Created-By: Packages'], 'apt');
    const line = targets.split('\n').find((one) => one.endsWith(` ${RELEASE} main`));
    return line?.split(' ')[0];
  } catch {
    return undefined; // no Debian: mmdebstrap knows where its archive is
  }
}
