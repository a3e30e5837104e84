import { spawn } from 'node:child_process';

/** The environment without what a package manager that runs this tells its children: its registry would win over a project's. */
const ownEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm|yarn)_/i.test(name)));

/**
 * Runs a command to its end.
 *
 * @param {readonly string[]} command its program and arguments
 * @param {{ cwd: string, env?: Record<string, string>, patience?: number }} options `patience` in seconds
 * @returns {Promise<string>} what it printed on stdout
 * @throws what it printed, if it fails
 */
export async function run([program, ...args], { cwd, env = {}, patience = 300 }) {
  const child = spawn(program, args, { cwd, env: { ...ownEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, all] = ['', ''];
  child.stdout.on('data', text => {
    out += text;
    all += text;
  });
  child.stderr.on('data', text => {
    all += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * patience);
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  }).finally(() => clearTimeout(timer));
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${status}:\n${all.slice(-3000)}`);
  return out;
}
