import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@peft/source'] },
  ssr: { resolve: { conditions: ['@peft/source'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } }, // a busy machine makes a page wait
  },
});
