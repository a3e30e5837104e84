import { defineProject } from '@peft/vitest';

export default defineProject();
