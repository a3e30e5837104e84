import { defineProject } from '@peft/vitest';

export default defineProject({ backends: ['cpu', 'wasm', 'webgpu'] });
