import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** The first example of a page. */
const exampleOf = (page: string): string => {
  const content = readFileSync(new URL(page, import.meta.url), 'utf8');
  return content.match(/^```ts\n(.*?)^```$/ms)?.[1] ?? '';
};

const own = process.cwd();
let scratch: string;
let pasted: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'peft-readme-'));
  pasted = new URL(`../test/pasted-${process.pid}.ts`, import.meta.url).pathname;
  process.chdir(scratch);
});
afterEach(() => {
  process.chdir(own);
  vi.restoreAllMocks();
  rmSync(pasted, { force: true });
  rmSync(scratch, { recursive: true });
});

test.each(['../../../README.md', '../README.md'])(
  'the first example of %s is short, and runs as it stands',
  async page => {
    const example = exampleOf(page);
    const packages = new Set([...example.matchAll(/from '(@?[^/']+(?:\/[^/']+)?)/g)].map(([, name]) => name));
    expect(example.trim().split('\n').length).toBeLessThanOrEqual(12);
    expect(packages.size).toBeGreaterThan(0);
    expect(packages.size).toBeLessThanOrEqual(3);
    const logged: unknown[][] = [];
    vi.spyOn(console, 'log').mockImplementation((...values) => void logged.push(values));
    writeFileSync(pasted, example);
    await import(/* @vite-ignore */ `${pathToFileURL(pasted).href}?${encodeURIComponent(page)}`);
    const [accuracy] = logged.pop() ?? [];
    expect(logged.map(([step]) => step)).toEqual(Array.from({ length: 93 }, (_, i) => i + 1));
    expect(accuracy).toBeGreaterThan(0.4);
    expect(readdirSync('digits')).toContain('adapter_model.safetensors');
  },
);
