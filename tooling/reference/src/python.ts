import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** The folder with reference weights, data and the recipe of the Python environment. */
const sharedFolder = process.env.PEFT_SHARED ?? resolve(root, '../shared');

/** The reference environment's interpreter: `PEFT_PYTHON`, or the one that `.ci/run` makes. */
const python = process.env.PEFT_PYTHON ?? resolve(root, '.python/bin/python');

/** Why tests against Python cannot run here; `undefined` if they can. */
export const pythonMissing: string | undefined = !existsSync(python)
  ? `no reference environment at ${python}; make one, or set PEFT_PYTHON`
  : existsSync(resolve(sharedFolder, 'reference/timm_cpu.py'))
    ? undefined
    : `no reference/timm_cpu.py in ${sharedFolder}; set PEFT_SHARED`;

/** The command of the reference environment's interpreter; the script and its arguments follow `args`. */
export const interpreter = {
  command: python,
  args: ['-W', 'ignore'],
  env: { ...process.env, PEFT_SHARED: sharedFolder },
};

/** Runs a script of this package. Throws with its output if it fails. */
export function runPython(script: string, ...args: string[]): string {
  const path = resolve(root, 'tooling/reference/scripts', script);
  const { command, args: flags, env } = interpreter;
  return execFileSync(command, [...flags, path, ...args], { encoding: 'utf8', env });
}
