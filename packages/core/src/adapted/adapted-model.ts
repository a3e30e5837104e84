import type * as tf from '@tensorflow/tfjs-core';
import { check, PeftError } from '../errors.ts';
import type { Method, StageResult } from '../method/method.ts';
import type { Target } from '../method/targets.ts';
import type { Module } from '../module/module.ts';
import type { ModuleNaming, NamedModule } from '../module/naming.ts';
import type { Parameter } from '../module/parameter.ts';
import { bindPaths, parameters } from '../module/tree.ts';
import { fold, type Key, key as makeKey } from '../tensor/random.ts';
import { Activation, requireOneOwner } from './activation.ts';
import { Adapter, sliceWeight } from './adapter.ts';
import type { Gates } from './gates.ts';
import { MergedWeights } from './merged-weights.ts';
import { Patches } from './patches.ts';
import { type PlanOptions, planAdapter } from './plan.ts';
import { countParameters } from './report.ts';
import { targetPatch } from './target-patch.ts';

export interface AddOptions {
  /** Seeds the adapter's initial values; `key(0)` unless given. */
  key?: Key;
  /** Whether every name in a list of targets must match something; true unless the adapter comes from a file. */
  strict?: boolean;
  /** Whether to use it at once, beside those in use; true unless given. */
  active?: boolean;
  /** Gives the new adapter values; those it leaves out are initialized. If it throws, the adapter is not added. */
  fill?: (adapter: Adapter) => void | Promise<void>;
  /** Other base parameters that it copies and trains; by default new ones (a replaced head) that no other adapter has. */
  keeps?: PlanOptions['keeps'];
  /** Whose names the method is in; the model's own paths unless given. */
  naming?: ModuleNaming;
}

/**
 * Named adapters of any methods on one frozen model.
 *
 * ```ts
 * const model = adapt(vit);
 * await model.add(lora({ r: 8 }));
 * const logits = model.call(images);
 * ```
 */
export class AdaptedModel {
  readonly base: NamedModule;
  readonly #adapters = new Map<string, Adapter>();
  readonly #activation = new Activation();
  readonly #merged = new MergedWeights();
  readonly #patches = new Patches(module =>
    targetPatch(
      module,
      () => this.#activation.at(module),
      () => this.#merged.frozen(module),
    ),
  );

  constructor(base: Module) {
    this.base = bindPaths(base);
    for (const [, parameter] of parameters(base)) parameter.trainable = false;
  }

  /** Runs the model with its active adapters. The caller disposes of the result. */
  call(x: tf.Tensor): tf.Tensor {
    return this.base.call(x);
  }

  /** All adapters by name, in the order they were added. */
  get adapters(): ReadonlyMap<string, Adapter> {
    return this.#adapters;
  }

  /** The adapters in use, in order. */
  get active(): readonly Adapter[] {
    return this.#activation.adapters;
  }

  /** Whether something is merged into the base. */
  get isMerged(): boolean {
    return this.#merged.adapters.length > 0;
  }

  /**
   * Adds an adapter and uses it beside those in use. On failure nothing is left behind.
   *
   * @param name `default` unless given
   * @throws PeftError `state` while merged, for a name that is there, or for a second owner of a head; `bad-argument` for a name
   * that is none; `no-match` for targets that match nothing
   */
  add(method: Method, options?: AddOptions): Promise<Adapter>;
  add(name: string, method: Method, options?: AddOptions): Promise<Adapter>;
  async add(...given: [string, Method, AddOptions?] | [Method, AddOptions?]): Promise<Adapter> {
    const [name, method, options = {}] = isNamed(given) ? given : ['default' as const, ...given];
    const { key = makeKey(0), strict = true, active = true, fill, naming } = options;
    const { keeps = (_, base) => this.#isUnkept(base) } = options;
    this.#requireUnmerged('add an adapter');
    check(!this.#adapters.has(name), 'state', () => `There is an adapter "${name}" already; remove it first.`);
    check(
      /^[\w-]+$/.test(name),
      'bad-argument',
      () => `"${name}" is not an adapter's name; use letters, digits, - and _.`,
    );
    const adapter = new Adapter(name, planAdapter(this.base, method, { strict, keeps, naming }), fold(key, name));
    if (active) requireOneOwner([...this.active, adapter]);
    await this.#fill(adapter, async () => {
      await fill?.(adapter);
      await this.#initialize(adapter);
    });
    this.#adapters.set(name, adapter);
    this.#patches.cover(this.#adapters.values());
    if (active) this.#activation.use([...this.active, adapter]);
    return adapter;
  }

  /**
   * Replaces the method of an adapter, as a training stage asks for; values that fit are kept. On failure nothing changes.
   * The parameters are new tensors: rebuild optimizers and recompile steps that hold the old ones.
   */
  async replace(name: string, { method, values = {} }: StageResult): Promise<Adapter> {
    this.#requireUnmerged('replace an adapter');
    const old = this.get(name);
    const keeps = (path: string): boolean => old.plan.kept.has(path);
    const adapter = new Adapter(
      name,
      planAdapter(this.base, method, { strict: false, keeps, naming: old.plan.naming }),
      old.key,
    );
    await this.#fill(adapter, async () => {
      await this.#initialize(adapter);
      await adapter.takeOver(old, values);
    });
    this.#adapters.set(name, adapter);
    this.#patches.cover(this.#adapters.values());
    this.#activation.use(this.active.map(other => (other === old ? adapter : other)));
    old.dispose();
    return adapter;
  }

  /** Runs `body`, which must be synchronous, with gates at some targets of an adapter. */
  gated<T>(adapter: Adapter, gates: ReadonlyMap<Target, Gates>, body: () => T): T {
    this.#requireUnmerged('score an adapter');
    adapter.gates = gates;
    try {
      return body();
    } finally {
      adapter.gates = undefined;
    }
  }

  /** The adapter of that name. */
  get(name: string): Adapter {
    const adapter = this.#adapters.get(name);
    check(
      adapter,
      'no-match',
      () => `There is no adapter "${name}"; there are: ${[...this.#adapters.keys()].join(', ') || 'none'}.`,
    );
    return adapter;
  }

  /**
   * Uses exactly these adapters, by name or with a weight for each; summed where they meet.
   *
   * @throws PeftError `no-match` for a name that is not there; `state` while merged, or for two owners of a head
   */
  use(selection: string | readonly string[] | Readonly<Record<string, number>>): void {
    this.#requireUnmerged('use other adapters');
    const weights: [string, number][] =
      typeof selection === 'string'
        ? [[selection, 1]]
        : Array.isArray(selection)
          ? [...new Set<string>(selection)].map(name => [name, 1])
          : Object.entries(selection);
    const chosen = weights.map(([name]) => this.get(name));
    this.#activation.use(chosen);
    for (const [name, weight] of weights) this.get(name).weight = weight;
  }

  /** Whether adapters act. Disabled, the model is its base, exactly. */
  get enabled(): boolean {
    return this.#activation.enabled;
  }

  set enabled(enabled: boolean) {
    this.#requireUnmerged('enable or disable adapters');
    this.#activation.enable(enabled);
  }

  /**
   * Folds the active adapters, or those of them that are named, into the base weights; the others go on acting. See
   * {@link unmerge}.
   *
   * @throws PeftError `not-mergeable` if one cannot be, by its method or because it adapts a block; `state` while merged or
   * disabled, or for one that is not in use. Nothing has changed then.
   */
  merge(names: readonly string[] = this.active.map(({ name }) => name)): void {
    this.#requireUnmerged('merge');
    check(this.enabled, 'state', () => 'Cannot merge while adapters are disabled; set enabled = true first.');
    const chosen = names.map(name => this.get(name));
    for (const adapter of chosen) this.#requireMergeable(adapter);
    this.#merged.fold(chosen);
    this.#activation.leaveOut(chosen);
  }

  /** Gives the base its own weights back, bit by bit. */
  unmerge(): void {
    this.#merged.undo();
    this.#activation.leaveOut([]);
  }

  /**
   * Removes an adapter and frees its tensors. A module that no adapter targets any more is unpatched.
   *
   * @throws PeftError `no-match` for a name that is not there; `state` while merged
   */
  remove(name: string): void {
    this.#requireUnmerged('remove an adapter');
    const adapter = this.get(name);
    this.#activation.use(this.active.filter(other => other !== adapter));
    this.#adapters.delete(name);
    this.#patches.cover(this.#adapters.values());
    adapter.dispose();
  }

  /** The counts that Hugging Face peft's `print_trainable_parameters` prints, in its words. */
  trainableSummary(): string {
    const plans = [...this.#adapters.values()].map(({ plan }) => plan);
    const { trainable, base, adapter } = countParameters(this.base, plans);
    const all = base + adapter;
    const [some, total] = [trainable, all].map(count => count.toLocaleString('en-US'));
    const percent = Number(((100 * trainable) / all).toPrecision(3));
    return `trainable params: ${some} || all params: ${total} || trainable%: ${percent}`;
  }

  /** The parameters that training changes, by `adapter/path`: those of active adapters that are not frozen. */
  *trainable(): Generator<[string, Parameter]> {
    for (const adapter of this.active) {
      for (const [path, parameter] of adapter.parameters())
        if (parameter.trainable) yield [`${adapter.name}/${path}`, parameter];
    }
  }

  /** Trains exactly the parameters whose `adapter/path` passes the test; a method's frozen tensors stay frozen. */
  setTrainable(test: (path: string) => boolean): void {
    for (const adapter of this.#adapters.values()) {
      for (const [path, parameter] of adapter.parameters()) {
        parameter.trainable = !parameter.fixed && test(`${adapter.name}/${path}`);
      }
    }
  }

  /** Removes all adapters. The base keeps what is merged into it, with the trained heads and biases. */
  dispose(): void {
    for (const { plan } of this.#merged.adapters)
      for (const { base, own } of plan.saved.values()) base.ownValue.assign(own.value);
    this.#merged.keep();
    this.#activation.leaveOut([]);
    for (const name of [...this.#adapters.keys()]) this.remove(name);
  }

  /** Paths of new parameters that no adapter saves: they hold only their initial values. */
  get unkept(): string[] {
    return [...parameters(this.base)].flatMap(([path, base]) => (this.#isUnkept(base) ? [path] : []));
  }

  #isUnkept(base: Parameter): boolean {
    const isKept = ({ plan }: Adapter) => [...plan.saved.values()].some(saved => saved.base === base);
    return base.fresh && ![...this.#adapters.values()].some(isKept);
  }

  #requireUnmerged(action: string): void {
    check(!this.isMerged, 'state', () => `Cannot ${action} while adapters are merged; call unmerge() first.`);
  }

  #requireMergeable(adapter: Adapter): void {
    const { name, method, mergeable } = adapter;
    check(this.active.includes(adapter), 'state', () => `Adapter "${name}" is not in use; call use() first.`);
    if (mergeable !== true)
      throw new PeftError('not-mergeable', `Adapter "${name}" (${method.type}) cannot be merged: ${mergeable.reason}`);
  }

  /** Gives a new adapter its values, and frees it on failure. */
  async #fill(adapter: Adapter, fill: (adapter: Adapter) => void | Promise<void>): Promise<void> {
    try {
      await fill(adapter);
    } catch (error) {
      adapter.dispose();
      throw error;
    }
  }

  #initialize(adapter: Adapter): Promise<void> {
    return adapter.initialize(target => this.#readWeight(target));
  }

  async #readWeight(target: Target): Promise<Float32Array> {
    const weight = sliceWeight(this.#merged.frozen(target.module), target);
    try {
      return Float32Array.from(await weight.data());
    } finally {
      weight.dispose();
    }
  }
}

const isNamed = (given: readonly unknown[]): given is [string, Method, AddOptions?] => typeof given[0] === 'string';

/** Freezes a model and makes it take named adapters. */
export const adapt = (base: Module): AdaptedModel => new AdaptedModel(base);
