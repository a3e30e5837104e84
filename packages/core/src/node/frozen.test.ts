import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readState, stateOf } from '../../test/saves.ts';
import { writeAdapterFolder } from '../index.ts';

const frozen = new URL('../../test/fixtures/frozen', import.meta.url).pathname;
const folders = readdirSync(frozen);

// Files are read by Node, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a folder saved by an earlier version', () => {
  test.each(folders)('%s reads as it was saved, or is refused by its version', async name => {
    const read = await readState(join(frozen, name)).catch((error: Error) => error.message);
    if (read !== 7) expect(read).toMatch(/peft\.json has format \d+; this version reads/);
  });

  test('reads, if it has the format that is written today', async () => {
    const { model, card } = await stateOf(7);
    const files = await writeAdapterFolder(model, card);
    const { format } = JSON.parse(new TextDecoder().decode(files['peft.json']));
    expect(folders).toContain(`adapter-${format}`);
    expect(await readState(join(frozen, `adapter-${format}`))).toBe(7);
  });
});
