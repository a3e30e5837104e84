import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSafetensors } from '@peft/core';
import { follow } from '@peft/testing';
import { expect, test } from 'vitest';
import { tinyRun } from '../test/runs.ts';

const frozen = new URL('../test/fixtures/frozen', import.meta.url).pathname;
const names = readdirSync(frozen);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(frozen, name)));

/** Whether a run goes on from a checkpoint of its third step. */
async function goesOn(name: string): Promise<boolean> {
  const { trainer } = await tinyRun();
  await trainer.restore(read(name), name);
  expect(trainer.step).toBe(3);
  const { losses } = await follow(trainer, 5);
  return losses.every(Number.isFinite);
}

test.each(names)('%s is gone on from, or refused by its version', async name => {
  const found = await goesOn(name).catch((error: Error) => error.message);
  if (found !== true) expect(found).toMatch(/is not a checkpoint that this version reads: its format is/);
});

test('a frozen checkpoint of the format that is written today is gone on from', async () => {
  const { metadata } = parseSafetensors(await (await tinyRun()).trainer.checkpoint(), 'checkpoint');
  expect(names).toContain(`${metadata.format}.safetensors`);
  expect(await goesOn(`${metadata.format}.safetensors`)).toBe(true);
});
