// Where things lie. Each folder ends with a slash.

/** The project: where package.json is. */
export const ROOT = new URL('../..', import.meta.url).pathname;

/** The bundled program. */
export const BUNDLE = `${ROOT}dist/gatepost.cjs`;

/** The binaries of the boards, the packages made of them, what is made on the way, and what was fetched. */
export const BIN = `${ROOT}dist/bin/`;
export const PACKAGES = `${ROOT}dist/packages/`;
export const WORK = `${ROOT}dist/work/`;
export const CACHE = `${ROOT}dist/cache/`;

/** The families of boards, and the Node that they get. */
export const TARGETS = `${ROOT}targets/`;
