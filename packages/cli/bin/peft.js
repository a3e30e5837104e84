#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  console.error('peft is not built yet; run `npx pnpm@10 build` in the workspace first.');
  process.exit(1);
}
const { run } = await import(main.href);
process.exit(await run(process.argv.slice(2)));
