import { inspect } from 'node:util';
import { PeftError } from '@peft/core';
import { CommanderError } from 'commander';
import { UsageError } from './arguments.ts';
import { printable } from './output/printable.ts';
import { makeProgram } from './program.ts';

/** TensorFlow.js prints a banner in Node, which would get between progress and JSON. */
function silenceTensorflow(): void {
  const { warn } = console;
  console.warn = (...args: unknown[]) => {
    if (!String(args[0]).includes('Hi, looks like you are running TensorFlow.js in Node.js')) warn(...args);
  };
}

/**
 * Runs the command line.
 *
 * @returns the exit status: 0 done, 1 failed, 2 wrong use
 */
export async function run(argv: readonly string[]): Promise<number> {
  silenceTensorflow();
  const debug = argv.includes('--debug');
  try {
    await makeProgram().parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const known = error instanceof PeftError || error instanceof UsageError;
    const message = error instanceof Error ? error.message : String(error);
    console.error(printable(known ? `peft: ${message}` : `peft: unexpected: ${message}`));
    if (debug && error instanceof Error) console.error(printable(inspect(error)));
    return error instanceof UsageError ? 2 : 1;
  }
}
