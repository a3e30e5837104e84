import { defineProject } from '@peft/vitest';

export default defineProject({ backends: ['wasm'], browser: ['test/browser/**/*.test.ts'] });
