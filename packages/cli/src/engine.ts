import { openEagerEngine } from '@peft/run/node';
import type { Arguments } from './arguments.ts';
import type { Output } from './output/output.ts';

/** Starts the backend of TensorFlow.js that the arguments name, or wasm, for work op by op. */
export async function openEager(
  { engine, threads }: Pick<Arguments, 'engine' | 'threads'>,
  output: Output,
): Promise<void> {
  await openEagerEngine({ engine: engine === 'auto' ? 'wasm' : engine, threads }, text => output.note(text));
}
