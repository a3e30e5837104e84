import { recipeInHash } from '../files/recipe-link.ts';
import { read, readAll, remove, write, writeAll } from '../files/storage.ts';
import type { StoredPicture, StoredProject, StoredRun } from '../files/stored.ts';
import { messageOf } from '../message-of.ts';
import { isEmbedded } from '../worker/embedded.ts';
import type { Picture } from './pictures.ts';
import { project } from './project.svelte.ts';
import { runs } from './runs.svelte.ts';
import { setup } from './setup.svelte.ts';
import { training } from './training.svelte.ts';

const key = 'current';
/** Changes that follow each other within so many ms are written together. */
const pauseMs = 400;

const withoutFiles = ({ blob: _, thumb: __, ...picture }: Picture): StoredPicture => picture;

/** Keeps the project in the browser's storage, so that it survives a reload. */
class Persistence {
  /** Why the project does not survive a reload. */
  problem: string | undefined = $state();
  unfinished: StoredProject['unfinished'] = $state.raw();
  #stored: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOpen = false;

  /** Opens what an earlier visit left, and keeps what changes from now on. */
  async open(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      this.#fail(error);
    }
    this.#takeLink();
    this.#isOpen = true;
    void navigator.storage?.persist?.(); // or else the browser may make room by deleting it
    training.watchers = {
      checkpoint: (run, recipe, losses) => this.#guard(() => this.#write({ run, recipe, losses })),
      finished: async finished => {
        const stored = await runs.add(finished);
        await this.#guard(() => write('runs', stored.id, stored));
        await this.#guard(() => this.#write(undefined));
      },
    };
  }

  /** Writes the project soon. */
  schedule(): void {
    if (!this.#isOpen) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#guard(() => this.#write(this.unfinished)), pauseMs);
  }

  async forgetUnfinished(): Promise<void> {
    const { unfinished } = this;
    await this.#guard(async () => {
      if (unfinished) await remove('checkpoints', unfinished.run);
      await this.#write(undefined);
    });
  }

  /** Takes other runs in the place of those that are here. */
  async replaceRuns(others: readonly StoredRun[]): Promise<void> {
    const before = runs.all.map(({ id }) => id);
    runs.all = others;
    await this.#guard(async () => {
      await remove('runs', ...before);
      await writeAll(
        'runs',
        others.map(run => [run.id, run]),
      );
    });
  }

  async removeRun(id: string): Promise<void> {
    runs.remove(id);
    await this.#guard(() => remove('runs', id));
  }

  /** A recipe in the address is meant to be looked at. */
  #takeLink(): void {
    try {
      const shared = recipeInHash(location.hash);
      if (shared) setup.take(shared);
    } catch (error) {
      const reason = messageOf(error);
      this.problem = `The recipe in the address is not read: ${reason} The recipe is as it was.`;
    }
  }

  async #read(): Promise<void> {
    const stored = await read('project', key);
    if (!stored) return;
    const files = new Map(await readAll('pictures'));
    const pictures = stored.pictures.flatMap(picture => {
      const found = files.get(picture.id);
      return found ? [{ ...picture, ...found }] : [];
    });
    this.#stored = new Set(files.keys());
    project.open({ classes: stored.classes, pictures });
    setup.recipe = stored.recipe;
    setup.engine = stored.engine ?? 'timed';
    const { backbone, weights, hub } = stored;
    if (weights) setup.backbone = { name: backbone, file: weights, ...(hub && { hub }) };
    else if (isEmbedded(backbone)) setup.backbone = { name: backbone };
    this.unfinished = stored.unfinished;
    runs.all = (await readAll('runs')).map(([, run]) => run).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #write(unfinished: StoredProject['unfinished']): Promise<void> {
    const { classes, pictures } = project.current;
    const added = pictures.filter(({ id }) => !this.#stored.has(id));
    await writeAll(
      'pictures',
      added.map(({ id, blob, thumb }) => [id, { blob, thumb }]),
    );
    const { backbone } = setup;
    await write('project', key, {
      classes: [...classes],
      pictures: pictures.map(withoutFiles),
      recipe: setup.recipe,
      engine: setup.engine,
      backbone: backbone.name,
      ...(backbone.file && { weights: backbone.file }),
      ...(backbone.hub && { hub: backbone.hub }),
      ...(unfinished && { unfinished }),
    });
    this.unfinished = unfinished;
    const present = new Set(pictures.map(({ id }) => id));
    this.#stored = new Set([...this.#stored, ...present]);
    this.problem = undefined;
  }

  async #guard(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
    const reason = messageOf(error);
    this.problem = isFull
      ? 'The browser has no more room: what changes from here on does not survive a reload. Save the project as a zip, or remove pictures.'
      : `The browser stores nothing here, so the project does not survive a reload: ${reason}`;
  }
}

export const persistence = new Persistence();
