import { defineProject } from '@peft/vitest';

export default defineProject({ backends: ['wasm'], timeout: 300_000 });
