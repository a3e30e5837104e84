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

/** What a failure prints. That of a known kind ends with its code, which docs/troubleshooting.md explains. */
function messageOf(error: unknown): string {
  if (error instanceof PeftError) return `peft: ${error.message.trimEnd()} [${error.code}]`;
  if (error instanceof UsageError) return `peft: ${error.message}`;
  return `peft: unexpected: ${error instanceof Error ? error.message : error}`;
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
    console.error(printable(messageOf(error)));
    if (debug && error instanceof Error) console.error(printable(inspect(error)));
    return error instanceof UsageError ? 2 : 1;
  }
}
