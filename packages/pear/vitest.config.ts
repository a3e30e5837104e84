import { defineProject } from '@peft/vitest';

// Not on WebGPU: its tests train, and have no kernel of their own.
export default defineProject({ backends: ['cpu', 'wasm'] });
