import { type FoundFile, type PlacedFile, placeFiles } from '../files/layout.ts';
import { prepareAll } from '../files/prepare.ts';
import type { Picture, PictureClass } from './pictures.ts';
import { project } from './project.svelte.ts';
import { view } from './view.svelte.ts';

/** Names as people sort them: 2 before 10. */
const byName = new Intl.Collator('en', { numeric: true });

/** Pictures on their way into the project. */
class Importing {
  done = $state(0);
  total = $state(0);
  /** Files that were left out, and why. */
  refused: readonly { readonly name: string; readonly reason: string }[] = $state.raw([]);

  readonly isBusy = $derived(this.total > 0);

  /** Adds the pictures among some files: to the classes of their folders, else to the class that is shown. */
  async add(files: readonly FoundFile[]): Promise<void> {
    const placed = placeFiles(files);
    if (placed.length === 0) return;
    this.refused = [];
    this.total = placed.length;
    this.done = 0;
    let shown = 0;
    try {
      const replies = await prepareAll(
        placed.map(({ file }) => file),
        done => {
          if (done - shown < placed.length / 100 && done < placed.length) return; // the page draws a hundred times at most
          shown = this.done = done;
        },
      );
      const classes = this.#classesFor(placed);
      const pictures = replies.flatMap((reply, i): Picture[] => {
        const { file, path, className, part } = placed[i]!;
        if ('error' in reply) {
          this.refused = [...this.refused, { name: path, reason: reply.error }];
          return [];
        }
        const { thumb, hash, width, height, instead: blob = file } = reply;
        const label = classes.of(className);
        return [
          {
            id: crypto.randomUUID(),
            blob,
            thumb,
            name: blob.name,
            label,
            hash,
            width,
            height,
            ...(part && { part }),
          },
        ];
      });
      const used = new Set(pictures.map(({ label }) => label));
      if (pictures.length > 0)
        project.add(
          pictures,
          classes.added.filter(({ id }) => used.has(id)),
        );
      view.announce(`${pictures.length} pictures added, ${this.refused.length} files left out.`);
    } finally {
      this.total = 0;
    }
  }

  /** The classes by name, with new ones for names that are not there yet. */
  #classesFor(placed: readonly PlacedFile[]): { of(name: string | undefined): string; added: readonly PictureClass[] } {
    const shown = project.shown ?? project.classes[0]?.id;
    const known = new Map(project.classes.map(({ id, name }) => [name, id]));
    const added: PictureClass[] = [];
    const idOf = (name: string): string => {
      const there = known.get(name);
      if (there) return there;
      const made = { id: crypto.randomUUID(), name };
      added.push(made);
      known.set(name, made.id);
      return made.id;
    };
    const names = new Set(placed.flatMap(({ className }) => className ?? []));
    for (const name of [...names].sort(byName.compare)) idOf(name);
    return { of: name => (name === undefined ? (shown ?? idOf('Class 1')) : idOf(name)), added };
  }
}

export const importing = new Importing();
