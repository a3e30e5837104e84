import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../src/root.mjs';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** The tasks of `pnpm test`, and the command that runs each alone. */
const commands = (/^turbo run (.*?) --/.exec(scripts.test ?? '')?.[1] ?? '')
  .split(' ')
  .map(task => [task, task === 'test' ? 'tests' : task] as const);

test('pnpm test runs tasks', () => {
  expect(commands.length).toBeGreaterThan(5);
});

test.each(commands)('the check %s has the command %s, which CONTRIBUTING.md lists', (task, command) => {
  const script = scripts[command] ?? '';
  expect(script.startsWith(`turbo run ${task} `) || !script.startsWith('turbo')).toBe(true);
  expect(script).not.toBe('');
  expect(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')).toContain(`| \`${command}\` `);
});
