// What the build knows of itself; esbuild puts the values in.

declare const GATEPOST_VERSION: string | undefined;
declare const GATEPOST_COMMIT: string | undefined;

/** From package.json; `development` when run from source. */
export const VERSION = typeof GATEPOST_VERSION === 'string' ? GATEPOST_VERSION : 'development';
export const COMMIT = typeof GATEPOST_COMMIT === 'string' ? GATEPOST_COMMIT : 'unknown';
