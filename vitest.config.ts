import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/after-each.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Real programs share two cores with us.
    maxWorkers: 2,
    // Tests that mostly wait for a silent peer wait side by side.
    maxConcurrency: 16,
  },
});
