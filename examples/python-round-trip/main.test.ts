import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interpreter, pythonMissing } from '@peft/reference/python';
import { runMain, temporaryFolder } from '@peft/run-example';
import { expect, test } from 'vitest';

/** The reference environment has timm beside a torch without torchvision, which timm_cpu stands in for. */
const withTimm = 'import runpy, sys; import timm_cpu; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])';

function runPython(folder: string): string {
  const { command, args, env } = interpreter;
  const script = fileURLToPath(new URL('./round_trip.py', import.meta.url));
  const PYTHONPATH = join(env.PEFT_SHARED, 'reference');
  return execFileSync(command, [...args, '-c', withTimm, script, folder], {
    encoding: 'utf8',
    env: { ...env, PYTHONPATH },
  });
}

const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';

test.skipIf(pythonMissing)(`an adapter goes to Python, and one comes back${skipped}`, async () => {
  const folder = await temporaryFolder();
  const printed = [
    await runMain(import.meta.url, 'to-python', folder),
    runPython(folder),
    await runMain(import.meta.url, 'from-python', folder),
  ].join('\n');
  const logits = (of: string): number[] => {
    const [, list] = new RegExp(`^logits of ${of}: (.*)$`, 'm').exec(printed) ?? [];
    return JSON.parse(list).flat();
  };
  for (const adapter of ['ours', 'theirs']) {
    const [here, inPython] = [logits(`${adapter}, here`), logits(`${adapter}, in Python`)];
    expect(here).toHaveLength(20);
    for (const [i, value] of here.entries()) expect(value).toBeCloseTo(inPython[i], 3);
  }
  expect(logits('ours, here')).not.toEqual(logits('theirs, here'));
});
