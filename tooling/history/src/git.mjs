import { execFileSync } from 'node:child_process';

/**
 * The commit that is checked out.
 *
 * @param {string} folder of the repository
 * @returns {{ date: string, commit: string, commits: number }}
 * @throws where the packages differ from the commit, or the clone does not have all commits
 */
export function presentCommit(folder) {
  const git = (...args) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
  if (git('rev-parse', '--is-shallow-repository') === 'true')
    throw new Error('This clone lacks older commits, so they cannot be counted. Run: git fetch --unshallow');
  if (git('status', '--porcelain', '--', 'packages') !== '')
    throw new Error('The packages have changes that are not committed. Commit them first: a line is about a commit.');
  const [date, commit] = git('show', '--no-patch', '--format=%cs %h', 'HEAD').split(' ');
  return { date, commit, commits: Number(git('rev-list', '--count', 'HEAD')) };
}
