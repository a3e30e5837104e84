import { defineConfig } from 'vitest/config';
import tests from './vitest.config.ts';

/** Pictures of every main state of the page, to look at: `pnpm shots`. */
export default defineConfig({
  ...tests,
  test: { ...tests.test, include: ['test/shots/*.shots.ts'], fileParallelism: false },
});
