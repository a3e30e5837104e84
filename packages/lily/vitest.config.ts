import { defineProject } from '@peft/vitest';

// Not on WebGPU: on a software Vulkan driver, compiling the shaders of its many shapes had not ended after nine minutes.
export default defineProject({ backends: ['cpu', 'wasm'] });
