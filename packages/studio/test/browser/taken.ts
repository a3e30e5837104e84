import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright';

/** What a button of "Take it away" gives. */
export async function taken(page: Page, name: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('region', { name: 'Take it away' }).getByRole('button', { name }).click(),
  ]);
  return readFile(await download.path());
}

/** Writes the files of a zip into a folder. */
export async function unzip(bytes: Buffer, folder: string): Promise<void> {
  for (const [path, content] of Object.entries(unzipSync(bytes))) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
