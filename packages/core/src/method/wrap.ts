import { check } from '../errors.ts';
import { quote } from '../quote.ts';
import { type ConfigOf, configure, type Options, splitOptions } from '../schema/options.ts';
import type { Tensors } from '../tensor/tensors.ts';
import type { Method } from './method.ts';

type Optional = Required<Pick<Method, 'weightDelta' | 'deltaWeight' | 'initFromWeight'>>;

/** Wraps a function of the base method; called only if the base has that function. */
type Changed<Name extends keyof Optional> = (
  ofBase: Optional[Name],
  ...call: Parameters<Optional[Name]>
) => ReturnType<Optional[Name]>;

/** The changes that an outer method makes to its base method. */
export interface Wrapping<Config extends object, Findings extends object>
  extends Pick<Method<Config, Tensors, Findings>, 'type' | 'config' | 'findings' | 'parameters' | 'delta' | 'stage'> {
  /** Those of the base unless given. */
  targets?: Method['targets'];
  weightDelta: Changed<'weightDelta'>;
  deltaWeight: Changed<'deltaWeight'>;
  initFromWeight: Changed<'initFromWeight'>;
  /** The same method on another base. */
  on(base: Method): Method<Config, Tensors, Findings>;
}

/** A method that acts on what another one, its base, adds to a model: like the base but for what is given here. */
export function wrapMethod<Config extends object, Findings extends object>(
  base: Method,
  { on, weightDelta, deltaWeight, initFromWeight, ...own }: Wrapping<Config, Findings>,
): Method<Config, Tensors, Findings> {
  const { targets, blocks, convolutions, modulesToSave, bias, rowwise, mergeable } = base;
  const { withTargets, weightDelta: update, deltaWeight: merged, initFromWeight: start } = base;
  return {
    ...{ targets, blocks, convolutions, modulesToSave, bias, rowwise, mergeable, base },
    ...own,
    ...(withTargets && { withTargets: names => on(withTargets(names)) }),
    ...(update && { weightDelta: call => weightDelta(update, call) }),
    ...(merged && { deltaWeight: call => deltaWeight(merged, call) }),
    ...(start && { initFromWeight: (...call) => initFromWeight(start, ...call) }),
  };
}

/** The options of a method that acts on another one: its own, and those of the base that it makes unless it is given one. */
export interface WrapperOptions<Own extends Options, Findings extends Options> {
  readonly own: Own;
  readonly findings: Findings;
  readonly inner: Options;
  /** Makes the base of the options in `inner`. */
  make(inner: object): Method;
}

/**
 * Reads the options of a method that acts on another one.
 *
 * @param type its name, for errors
 * @throws PeftError `bad-config` for options that are unknown, wrong, or given beside `base` though they are the base's own;
 *   `not-supported` for a base with a stage still to come
 */
export function wrapperOptions<
  Own extends Options,
  Findings extends Options,
  Given extends { base?: Method; findings?: object },
>(
  type: string,
  { own: described, findings: found, inner: innerOptions, make }: WrapperOptions<Own, Findings>,
  { base: given, findings, ...options }: Given,
): { config: ConfigOf<Own>; findings: ConfigOf<Findings> | undefined; base: Method } {
  const isMethod = given === undefined || typeof given?.parameters === 'function';
  check(isMethod, 'bad-config', () => `${type}: base is ${quote(given)}; it must be a method, such as lora({ ... }).`);
  const { own, inner } = splitOptions(type, described, innerOptions, options);
  const config = configure(type, described, own);
  const [misplaced] = Object.keys(inner);
  check(!given || misplaced === undefined, 'bad-config', () => {
    return `${type}: ${misplaced} is an option of the base that ${type} makes itself; give it to the ${given?.type} that is its base.`;
  });
  const base = given ?? make(inner);
  check(!base.stage, 'not-supported', () => {
    return `${type}: ${base.type} has a stage of its own still to come (${base.stage?.name}); ${type} can act on it only after that.`;
  });
  return { config, findings: findings && configure(`${type}: findings`, found, findings), base };
}
