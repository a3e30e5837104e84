import { defineProject } from '@peft/vitest';

export default defineProject({ include: ['*.test.ts'] });
