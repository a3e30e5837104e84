import { openEagerEngine } from '@peft/run/node';
import type { Arguments } from './arguments.ts';
import type { Output } from './output/output.ts';

/** Starts a TensorFlow.js backend for work that is done op by op: the one asked for, or wasm. */
export async function openEager(
  { engine, threads }: Pick<Arguments, 'engine' | 'threads'>,
  output: Output,
): Promise<void> {
  await openEagerEngine({ engine: engine === 'auto' ? 'wasm' : engine, threads }, text => output.note(text));
}
