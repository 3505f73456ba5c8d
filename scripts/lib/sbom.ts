// The bill of materials (CycloneDX): npm's own, of what is bundled, and the Node binary that it is put into.

import { ROOT } from './paths.ts';
import { run } from './run.ts';
import { type Architecture, RUNTIMES } from './runtimes.ts';

type Component = { readonly 'bom-ref': string; readonly name: string; readonly [field: string]: unknown };
type Bill = {
  serialNumber?: string;
  metadata: { timestamp: string; readonly component: object };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
  readonly [field: string]: unknown;
};

/**
 * The bill as JSON. `version` is Node's, `v24.21.0`, `isPinned` whether it is the one from npm; `time` is the commit's,
 * in seconds since 1970, so that the same commit gives the same bytes.
 */
export function billOfMaterials(architecture: Architecture, version: string, isPinned: boolean, time: number): string {
  const bill = JSON.parse(
    run('npm', ['sbom', '--package-lock-only', '--omit=dev', '--omit=optional', '--sbom-format=cyclonedx'], 'npm', { cwd: ROOT }),
  ) as Bill;
  delete bill.serialNumber; // a random one at each run
  // npm takes the folder's name for the project's.
  Object.assign(bill.metadata.component, { name: 'gatepost', type: 'application' });
  bill.metadata.timestamp = new Date(time * 1000).toISOString();
  const { package: name, version: pinned, integrity } = RUNTIMES[architecture];
  bill.components.push({
    'bom-ref': isPinned ? `${name}@${pinned}` : `node-${architecture}-given@${version.slice(1)}`,
    type: 'framework',
    name: isPinned ? name : `Node for ${architecture}, given by the builder`,
    version: version.slice(1),
    scope: 'required',
    ...(isPinned
      ? {
          purl: `pkg:npm/${name}@${pinned}`,
          hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }],
        }
      : {}),
  });
  return `${JSON.stringify(bill, null, 2)}\n`;
}
