import { defineProject } from '@peft/vitest';

export default defineProject({ timeout: 120_000 });
