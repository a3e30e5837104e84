import { type AdaptedModel, type Adapter, deltaNorms, type Engine, type HostTensor } from '@peft/core';
import { withScope } from '@peft/core/engine';
import { isMadeBy } from '@peft/core/method';
import { type HeatConfig, heat, toMeanOne } from '@peft/heat';
import { expertMixing } from '@peft/lily';
import { pear } from '@peft/pear';
import type * as tf from '@tensorflow/tfjs-core';
import type { GridRow, Insight } from './insight.ts';

/** A trained adapter, and what inspecting it needs. */
export interface Inspected {
  readonly model: AdaptedModel;
  readonly adapter: Adapter;
  readonly engine: Engine;
  /** A batch of pictures, `[B, H, W, 3]`. */
  readonly inputs: { readonly images: HostTensor };
}

export type Inspect = (inspected: Inspected) => Promise<Insight[]>;

/** How far each weight has moved, relative to its own norm. */
export const inspectNorms: Inspect = async ({ adapter }) => {
  const norms = await deltaNorms(adapter);
  const rows = norms.map(({ target, delta, weight }) => ({ name: target, value: delta / weight }));
  return rows.length > 0 ? [{ kind: 'bars', title: 'How far the weights moved', measure: '‖dW‖ / ‖W0‖', rows }] : [];
};

/** How much each of Lily's experts counts at each target. */
export const inspectMixing: Inspect = async ({ model, adapter, engine, inputs }) => {
  const step = engine.compile(({ images }: { images: tf.Tensor }) =>
    withScope({ training: false }, () => expertMixing(model, adapter, images)),
  );
  try {
    const mixing = Object.entries(await step.run(inputs));
    const rows = mixing.map(([name, { data }]) => ({ name, values: [...data] }));
    return [{ kind: 'grid', title: 'How the experts are mixed, on average over a batch', columns: 'expert', rows }];
  } finally {
    await step.dispose();
  }
};

/**
 * HEAT's c[h] = sum_l S[l, h], by which the same heads go off in all layers. Strategy `qv` scales each side of a layer to a mean
 * of 1, as `normalizeLayers` does.
 */
function headTotals(rows: readonly GridRow[], { scope, strategy, normalizeLayers, separateMasks }: HeatConfig) {
  const [first] = rows;
  const isEven = rows.every(({ values }) => values.length === first?.values.length);
  if (!first || !isEven || separateMasks || (scope ?? 'global') !== 'global') return undefined;
  const isScaled = strategy === 'qv' || normalizeLayers;
  const scaled = rows.map(({ values }) => (isScaled ? toMeanOne(values) : values));
  const totals = first.values.map((_, head) => scaled.reduce((total, values) => total + (values[head] ?? 0), 0));
  return { name: 'over layers', values: totals };
}

/** HEAT's scores of every head, layer by layer and side by side, and the heads that are off. */
export const inspectHeads: Inspect = async ({ adapter: { method } }) => {
  if (!isMadeBy(method, heat)) return [];
  const { scores = {}, off = {} } = method.findings ?? {};
  const rows = Object.entries(scores).flatMap(([layer, sides]) =>
    Object.entries(sides).map(([side, values]): GridRow => {
      const mask = off[layer] ?? [];
      const heads = 'q' in mask || 'v' in mask ? mask[side as 'q' | 'v'] : (mask as readonly number[]);
      return { name: `${layer} ${side}`, values: values.map(Math.abs), off: heads };
    }),
  );
  const title = 'Importance of each head to first order, and the heads that are off (×)';
  const totals = headTotals(rows, method.config);
  return rows.length > 0 ? [{ kind: 'grid', title, columns: 'head', rows, ...(totals && { totals }) }] : [];
};

/** Pear's scores of every position, and whose adapter the pruned ones share. */
export const inspectSharing: Inspect = async ({ adapter: { method } }) => {
  if (!isMadeBy(method, pear)) return [];
  const { scores = {}, shared = {} } = method.findings ?? {};
  const donors = new Set(Object.values(shared));
  const note = (target: string): string => {
    if (Object.hasOwn(shared, target)) return shared[target] === null ? 'pruned' : `pruned, shares ${shared[target]}`;
    return donors.has(target) ? 'shared' : 'kept';
  };
  const rows = Object.entries(scores).map(([name, value]) => ({ name, value, note: note(name) }));
  const title = 'Importance of each adapter, and who shares whose';
  return rows.length > 0 ? [{ kind: 'bars', title, measure: 'importance', rows }] : [];
};
