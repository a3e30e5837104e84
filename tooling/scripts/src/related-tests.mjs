import { execFileSync } from 'node:child_process';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BaseSequencer, createVitest } from 'vitest/node';
import { root } from './root.mjs';

/** Tests that begin later than this are left to `pnpm test`. */
const budget = 30_000;

/** The tests that run if nothing has changed. */
const sample = ['packages/core/src/tensor/', 'packages/core/src/module/', 'packages/core/src/schema/'];

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();

/** The commit from which the work began. */
function base() {
  for (const branch of ['main', 'origin/main']) {
    try {
      return git('merge-base', 'HEAD', branch);
    } catch {
      // A clone may lack the branch.
    }
  }
  return 'HEAD';
}

const lines = text => text.split('\n').filter(Boolean);

const changedSince = commit => [
  ...lines(git('diff', '--name-only', commit)),
  ...lines(git('ls-files', '--others', '--exclude-standard')),
];

const packageOf = path => path.split('/').slice(0, 2).join('/');

/** The distance of a test from the changes: 0 is the test of a changed file. */
function distance(test, changed) {
  const subject = test.replace(/\.test\.ts$/, '.ts');
  if (changed.includes(test) || changed.includes(subject)) return 0;
  if (changed.some(path => dirname(path) === dirname(test))) return 1;
  if (changed.some(path => packageOf(path) === packageOf(test))) return 2;
  return 3;
}

/**
 * Runs the tests that import what changed, the closest first.
 *
 * @returns {Promise<boolean>} whether all that ran have passed
 */
export async function relatedTests() {
  const commit = base();
  const changed = changedSince(commit).filter(path => /^(packages|docs\/examples)\/.*\.(ts|mjs)$/.test(path));
  class ClosestFirst extends BaseSequencer {
    async sort(specifications) {
      const far = ({ moduleId }) => distance(relative(root, moduleId), changed);
      return specifications.toSorted((a, b) => far(a) - far(b));
    }
  }
  const vitest = await createVitest(
    'test',
    {
      config: false,
      root,
      watch: false,
      name: 'cpu',
      // The CLI's tests run what is built; tooling checks the whole.
      include: ['packages/*/{src,test}/**/*.test.ts', 'docs/examples/**/*.test.ts'],
      exclude: ['**/node_modules/**', 'packages/cli/test/**', '**/browser/**'],
      setupFiles: [fileURLToPath(import.meta.resolve('@peft/vitest/setup'))],
      env: { PEFT_BACKEND: 'cpu' },
      pool: 'forks',
      testTimeout: budget,
      hookTimeout: budget,
      changed: changed.length > 0 ? commit : false,
      forceRerunTriggers: [],
      passWithNoTests: true,
      sequence: { sequencer: ClosestFirst },
      reporters: [['default', { summary: false }]],
      silent: 'passed-only',
    },
    { resolve: { conditions: ['@peft/source'] }, ssr: { resolve: { conditions: ['@peft/source'] } } },
  );
  try {
    await vitest.standalone(); // starts the reporters
    const specifications = await vitest.getRelevantTestSpecifications(changed.length > 0 ? [] : sample);
    const timer = setTimeout(() => vitest.cancelCurrentRun('keyboard-input'), budget);
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, false);
    clearTimeout(timer);
    const ran = testModules.filter(module => ['passed', 'failed'].includes(module.state()));
    const left = specifications.length - ran.length;
    if (left > 0)
      console.log(`The time was up before ${left} of ${specifications.length} test files: \`pnpm test\` runs all.`);
    return unhandledErrors.length === 0 && testModules.every(module => module.state() !== 'failed');
  } finally {
    await vitest.close();
  }
}
