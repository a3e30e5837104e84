import { prepareAll } from '../files/prepare.ts';
import { openProject, projectFiles } from '../files/project-zip.ts';
import { saveFile } from '../files/save-file.ts';
import { read } from '../files/storage.ts';
import { unzipped, zipped } from '../files/zip.ts';
import { isEmbedded } from '../worker/embedded.ts';
import { persistence } from './persistence.svelte.ts';
import type { Picture } from './pictures.ts';
import { project } from './project.svelte.ts';
import { runs } from './runs.svelte.ts';
import { setup } from './setup.svelte.ts';
import { view } from './view.svelte.ts';
import { helper } from './workers.ts';

/** Hands the whole project to the browser to save. */
export async function saveProject(): Promise<void> {
  const labeled = project.labeled();
  const { recipe, backbone } = setup;
  const parts = await helper().call('split', { pictures: labeled.pictures, seed: recipe.seed ?? 42 });
  const { unfinished } = persistence;
  const checkpoint = unfinished && (await read('checkpoints', unfinished.run));
  const files = await projectFiles({
    labeled,
    parts,
    backbone: backbone.hub?.source ?? backbone.name,
    recipe,
    runs: runs.all,
    checkpoint,
  });
  saveFile(await zipped(files), 'project.zip');
}

/**
 * Opens a saved project in the place of this one.
 *
 * @throws Error for a file that is no project; this one then stays
 */
export async function loadProject(file: Blob): Promise<void> {
  const opened = openProject(await unzipped(file));
  const replies = await prepareAll(
    opened.pictures.map(picture => picture.file),
    () => {},
  );
  const classes = opened.classes.map(name => ({ id: crypto.randomUUID(), name }));
  const idOf = new Map<string, string>();
  const pictures = opened.pictures.map(({ file, path, label, part }, i): Picture => {
    const reply = replies[i];
    const named = classes[label];
    if (!reply || 'error' in reply || !named)
      throw new Error(`${path} is no picture: ${reply && 'error' in reply ? reply.error : 'it has no class'}.`);
    const { thumb, hash, width, height, instead: blob = file } = reply;
    const id = crypto.randomUUID();
    idOf.set(path, id);
    return { id, blob, thumb, name: blob.name, label: named.id, hash, width, height, ...(part && { part }) };
  });
  project.open({ classes, pictures });
  setup.recipe = opened.recipe;
  if (isEmbedded(opened.backbone)) setup.backbone = { name: opened.backbone };
  const held = (run: (typeof opened.runs)[number]) =>
    run.held.map(({ picture, ...rest }) => ({ ...rest, picture: idOf.get(picture) ?? picture }));
  await persistence.replaceRuns(opened.runs.map(run => ({ ...run, held: held(run) })));
  view.go('pictures');
}
