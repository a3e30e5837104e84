import { defineProject } from '@peft/vitest';

export default defineProject({ browser: ['test/browser/**/*.test.ts'] });
