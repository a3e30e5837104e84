import type { RecipeOptions } from '@peft/run';
import type { SharedRecipe } from '../files/recipe-link.ts';
import { messageOf } from '../message-of.ts';
import { isEmbedded } from '../worker/embedded.ts';
import type {
  BackboneChoice,
  DescribedModel,
  Description,
  EngineChoice,
  MethodDescription,
  Plan,
} from '../worker/protocol.ts';
import { project } from './project.svelte.ts';
import { helper } from './workers.ts';

/** What the studio starts with. */
const defaultRecipe: RecipeOptions = {
  method: 'lora',
  set: { r: 16, alpha: 32 },
  targets: 'all-linear',
  epochs: 9,
  batch: 32,
  lr: 5e-3,
  warmup: 10,
  clip: 1,
  smoothing: 0.2, // pictures are few, and a model learns them by heart
  keepBest: true,
  seed: 42,
  checkpointEvery: 25,
};

/** An adapter of the recipe: the first, or one of its stack. */
export interface AdapterChoice {
  readonly name: string;
  readonly method: string;
  readonly set: NonNullable<RecipeOptions['set']>;
  readonly targets: RecipeOptions['targets'];
}

/** The backbone and the recipe, and what they would train. */
class Setup {
  backbone: BackboneChoice = $state.raw({ name: 'pico-vit' });
  /** Other names that the user's file of weights fits. */
  candidates: readonly string[] = $state.raw([]);
  recipe: RecipeOptions = $state.raw(defaultRecipe);
  engine: EngineChoice = $state('timed');
  description: Description | undefined = $state.raw();
  plan: Plan | undefined = $state.raw();
  /** Why the recipe cannot be trained. */
  problem: string | undefined = $state();
  #asked = 0;

  readonly adapters: readonly AdapterChoice[] = $derived.by(() => {
    const { method = 'lora', set = {}, targets, stack = {} } = this.recipe;
    const further = Object.entries(stack).map(([name, choice]) => ({
      name,
      method: choice.method ?? 'lora',
      set: choice.set ?? {},
      targets: choice.targets,
    }));
    return [{ name: 'default', method, set, targets }, ...further];
  });

  /** Loads what forms are made from. */
  async load(): Promise<void> {
    this.description ??= await helper().call('describe', undefined);
  }

  /** Takes a recipe, with its backbone where the page has it. */
  take({ backbone, recipe }: SharedRecipe): void {
    this.recipe = recipe;
    if (backbone !== undefined && isEmbedded(backbone)) this.backbone = { name: backbone };
  }

  methodOf(name: string): MethodDescription | undefined {
    return this.description?.methods.find(method => method.name === name);
  }

  /** Changes fields of the recipe; those that are undefined go back to their defaults. */
  change(fields: RecipeOptions): void {
    const merged = Object.entries({ ...this.recipe, ...fields }).filter(([, value]) => value !== undefined);
    this.recipe = Object.fromEntries(merged);
  }

  /** Changes an adapter. With another method, options and learning rate are that method's. */
  changeAdapter(name: string, change: Partial<Omit<AdapterChoice, 'name'>>): void {
    const isOther = change.method !== undefined;
    if (name === 'default') {
      this.change({ ...change, ...(isOther && { set: {}, targets: undefined, lr: undefined }) });
      return;
    }
    const { stack = {} } = this.recipe;
    const before = stack[name];
    const next = { ...before, ...(isOther && { set: {}, targets: undefined }), ...change };
    this.change({ stack: { ...stack, [name]: next as NonNullable<typeof before> } });
  }

  addAdapter(method: string): void {
    const { stack = {} } = this.recipe;
    let name = method;
    for (let i = 2; name === 'default' || name in stack; i++) name = `${method}${i}`;
    this.change({ stack: { ...stack, [name]: { method, set: {}, targets: undefined } } });
  }

  removeAdapter(name: string): void {
    const { [name]: _, ...stack } = this.recipe.stack ?? {};
    this.change({ stack });
  }

  /** Takes a file of weights, if a backbone of the zoo fits. */
  async openFile(file: File): Promise<void> {
    const [best, ...others] = await helper().call('recognize', file);
    if (best === undefined) return;
    this.candidates = [best, ...others];
    this.backbone = { name: best, file };
  }

  /** Takes a model of the Hub with its file of weights. */
  takeHub({ name, hub }: DescribedModel, file: File): void {
    this.candidates = [];
    this.backbone = { name, file, hub };
  }

  /** Counts what the recipe would train; a later call overtakes it. */
  async count(backbone: BackboneChoice, recipe: RecipeOptions): Promise<void> {
    const turn = ++this.#asked;
    const classes = Math.max(2, project.classes.length);
    try {
      const of = backbone.hub?.definition ?? backbone.name;
      const plan = await helper().call('plan', { backbone: of, classes, recipe });
      if (turn === this.#asked) [this.plan, this.problem] = [plan, undefined];
    } catch (error) {
      if (turn === this.#asked) this.problem = messageOf(error);
    }
  }
}

export const setup = new Setup();
