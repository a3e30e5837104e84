import {
  type AdaptedModel,
  adapt,
  attachAdapterFolder,
  type FolderFiles,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { methodRecord } from '@peft/core/method';
import { expect, test } from 'vitest';
import { deviation } from '../net.ts';
import { moved, output, type Subject } from '../subject.ts';

async function readBack({ network, readers }: Subject, files: FolderFiles): Promise<AdaptedModel> {
  const model = adapt(network());
  await attachAdapterFolder(model, readAdapterFolder(files, 'folder', readers));
  return model;
}

/** Saving and loading. */
export function checkFiles(subject: Subject): void {
  test('it is the same after a round trip through its files', async () => {
    const model = await moved(subject);
    const files = await writeAdapterFolder(model, { backbone: 'net' });
    const again = await readBack(subject, files);
    expect(methodRecord(again.get('default').method)).toEqual(methodRecord(model.get('default').method));
    expect(await output(subject, again)).toEqual(await output(subject, model));
    expect(await writeAdapterFolder(again, { backbone: 'net' })).toEqual(files);
  });

  test.runIf(subject.portable)('it is the same read as peft would, without peft.json', async () => {
    const model = await moved(subject);
    const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
    const again = await readBack(subject, files);
    const [read, written] = [await output(subject, again), await output(subject, model)];
    expect(deviation(read, written)).toBeLessThanOrEqual(subject.exact ? 0 : 1e-5);
  });
}
