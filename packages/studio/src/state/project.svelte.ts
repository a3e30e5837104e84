import { safeName, uniqueNames } from '../files/file-names.ts';
import type { LabeledPictures } from '../worker/protocol.ts';
import { groupBy } from './group-by.ts';
import { History } from './history.svelte.ts';
import type { Picture, PictureClass, Pictures } from './pictures.ts';
import { duplicatesOf, problemsOf } from './problems.ts';

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const nothing: Pictures = { classes: [], pictures: [] };

/** The user's classes and pictures, with all changes undoable. */
class Project {
  readonly #history = new History<Pictures>(nothing);
  /** The class that is shown. */
  shown: string | undefined = $state();
  /** Ids of pictures that are chosen. */
  chosen: ReadonlySet<string> = $state.raw(new Set());

  readonly classes = $derived(this.#history.current.classes);
  readonly pictures = $derived(this.#history.current.pictures);
  readonly byClass = $derived(groupBy(this.pictures, ({ label }) => label));
  readonly byId = $derived(new Map(this.pictures.map(picture => [picture.id, picture])));
  readonly duplicates = $derived(duplicatesOf(this.pictures));
  readonly problems = $derived(problemsOf(this.#history.current, this.duplicates));
  readonly isEmpty = $derived(this.classes.length === 0);

  get current(): Pictures {
    return this.#history.current;
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  undo(): void {
    this.#history.undo();
    this.#tidy();
  }

  redo(): void {
    this.#history.redo();
    this.#tidy();
  }

  /** Shows another project. */
  open(pictures: Pictures): void {
    this.#history.reset(pictures);
    this.shown = pictures.classes[0]?.id;
    this.chosen = new Set();
  }

  /** Adds a class, and shows it. Returns its id, or that of the class that has the name already. */
  addClass(name: string): string {
    const there = this.classes.find(other => other.name === name);
    if (there) return there.id;
    const added: PictureClass = { id: crypto.randomUUID(), name };
    this.#change({ classes: [...this.classes, added] });
    this.shown = added.id;
    return added.id;
  }

  rename(id: string, name: string): void {
    const isTaken = this.classes.some(other => other.id !== id && other.name === name);
    if (name === '' || isTaken) return;
    this.#change({ classes: this.classes.map(other => (other.id === id ? { id, name } : other)) });
  }

  /** Removes a class with its pictures. */
  removeClass(id: string): void {
    this.#change({
      classes: this.classes.filter(other => other.id !== id),
      pictures: this.pictures.filter(({ label }) => label !== id),
    });
    this.#tidy();
  }

  /** Adds pictures, with the classes that they bring. */
  add(pictures: readonly Picture[], classes: readonly PictureClass[] = []): void {
    this.#change({ classes: [...this.classes, ...classes], pictures: [...this.pictures, ...pictures] });
    this.shown ??= this.classes[0]?.id;
  }

  relabel(ids: ReadonlySet<string>, label: string): void {
    this.#change({ pictures: this.pictures.map(picture => (ids.has(picture.id) ? { ...picture, label } : picture)) });
    this.chosen = new Set();
  }

  /** Moves one picture to the class of a name. */
  relabelByName(picture: string, name: string): void {
    const found = this.classes.find(other => other.name === name);
    if (found) this.relabel(new Set([picture]), found.id);
  }

  remove(ids: ReadonlySet<string>): void {
    this.#change({ pictures: this.pictures.filter(({ id }) => !ids.has(id)) });
    this.chosen = new Set();
  }

  choose(ids: Iterable<string>): void {
    this.chosen = new Set(ids);
  }

  /**
   * The pictures as a worker takes them: classes and pictures in the order of their names, as the command line reads them from
   * folders, so that the same pictures are the same data.
   */
  labeled(): LabeledPictures & { readonly ids: readonly string[] } {
    const classes = this.classes.toSorted((a, b) => order(a.name, b.name));
    const members = classes.map(({ id }, label) => {
      const pictures = this.byClass.get(id) ?? [];
      const names = uniqueNames(pictures.map(({ name }) => safeName(name)));
      return pictures.map(({ id: picture, blob, part }, i) => {
        return { id: picture, labeled: { blob, name: names[i]!, label, ...(part && { part }) } };
      });
    });
    const sorted = members.flatMap(some => some.sort((a, b) => order(a.labeled.name, b.labeled.name)));
    return {
      classes: classes.map(({ name }) => name),
      ids: sorted.map(({ id }) => id),
      pictures: sorted.map(({ labeled }) => labeled),
    };
  }

  #change(change: Partial<Pictures>): void {
    this.#history.push({ ...this.#history.current, ...change });
  }

  /** Shows and chooses only what is there. */
  #tidy(): void {
    if (!this.classes.some(({ id }) => id === this.shown)) this.shown = this.classes[0]?.id;
    this.chosen = new Set([...this.chosen].filter(id => this.byId.has(id)));
  }
}

export const project = new Project();
