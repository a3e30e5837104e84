import { createBackbone } from '@peft/backbones';
import { check, countParameters, Linear, modules } from '@peft/core';
import { type AdapterPlan, planAdapter, planSettled } from '@peft/core/method';
import { makeMethod, type RecipeOptions, resolveRecipe } from '@peft/run';
import type { AdapterPlacement, BlockPlan, Place, Plan, PlanJob } from './protocol.ts';

type Model = ReturnType<typeof createBackbone>;

/** `blocks.0` and `attn.qkv`, of `blocks.0.attn.qkv`. */
const blockPath = /^(.*\bblocks\.\d+)\.(attn|mlp)\.(.+)$/;

function placesOf(path: string, name: string, { slices }: Linear): Place[] {
  const parts = Object.keys(slices);
  return parts.length > 0
    ? parts.map(part => ({ id: `${path}[${part}]`, label: part, of: path }))
    : [{ id: path, label: name }];
}

function blocksOf(model: Model): BlockPlan[] {
  const blocks = new Map<string, { heads: number | undefined; attention: Place[]; mlp: Place[] }>();
  for (const [path, module] of modules(model)) {
    const [, block, side, name] = blockPath.exec(path) ?? [];
    if (!(module instanceof Linear) || block === undefined || name === undefined) continue;
    const found = blocks.get(block) ?? { heads: undefined, attention: [], mlp: [] };
    blocks.set(block, found);
    found[side === 'mlp' ? 'mlp' : 'attention'].push(...placesOf(path, name, module));
    found.heads ??= module.heads;
  }
  return [...blocks].map(([path, block]) => ({ path, ...block }));
}

interface Planned {
  readonly name: string;
  readonly method: string;
  readonly plan: AdapterPlan;
  readonly settled: AdapterPlan;
}

function planAll(model: Model, options: RecipeOptions): Planned[] {
  const recipe = resolveRecipe(options);
  const further = Object.entries(recipe.stack).map(([name, { method, ...choice }]) => {
    check(method !== undefined, 'bad-argument', () => `The adapter "${name}" has no method; choose one.`);
    return { name, method, made: makeMethod({ method, ...choice }, []) };
  });
  const first = { name: 'default', method: recipe.method, made: makeMethod(recipe, model.classifiers) };
  return [first, ...further].map(({ name, method, made }) => ({
    name,
    method,
    plan: planAdapter(model, made),
    settled: planSettled(model, made),
  }));
}

const placementOf = ({ name, method, plan }: Planned): AdapterPlacement => ({
  name,
  method,
  targets: plan.targets.map(({ id }) => id),
  saved: [...new Set([...plan.saved.keys()].map(path => path.replace(/\.[^.]+$/, '')))],
});

/**
 * Counts what a recipe would train on a model of shapes alone, which takes no memory.
 *
 * @throws PeftError for a recipe that the model cannot be trained by
 */
export function plan({ backbone, classes, recipe }: PlanJob): Plan {
  const model = createBackbone(backbone, { classes });
  const planned = planAll(model, recipe);
  const start = countParameters(
    model,
    planned.map(({ plan }) => plan),
  );
  const settled = countParameters(
    model,
    planned.map(({ settled: later }) => later),
  );
  return {
    blocks: blocksOf(model),
    adapters: planned.map(placementOf),
    trainable: start.trainable,
    settled: settled.trainable,
    total: start.base + start.adapter,
    bytes: 4 * (settled.adapter + settled.saved),
    imageSize: model.imageSize,
  };
}
