import { defineProject } from '@peft/vitest';

export default defineProject({ timeout: 300_000 });
