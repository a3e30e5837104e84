import { defineProject } from '@peft/vitest';
import { defineConfig } from 'vitest/config';

const all = defineProject({ backends: ['wasm'], browser: ['test/browser/**/*.test.ts'] });
/** What a method's own tests would do on both backends, if they knew other methods and engines. */
const methods = defineProject({ backends: ['cpu'], include: ['test/methods/**/*.test.ts'] });

export default defineConfig({ test: { projects: [all, methods].flatMap(({ test }) => test?.projects ?? []) } });
