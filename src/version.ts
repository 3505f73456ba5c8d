// What the build knows of itself; esbuild puts the values in.

declare const GATEPOST_VERSION: string | undefined;
declare const GATEPOST_COMMIT: string | undefined;
declare const GATEPOST_BUILT: number | undefined;

/** From package.json; `development` when run from source. */
export const VERSION = typeof GATEPOST_VERSION === 'string' ? GATEPOST_VERSION : 'development';
/** When the commit was made, in ms since 1970; no right clock shows less. */
export const BUILT = typeof GATEPOST_BUILT === 'number' ? GATEPOST_BUILT : 0;
export const COMMIT = typeof GATEPOST_COMMIT === 'string' ? GATEPOST_COMMIT : 'unknown';
