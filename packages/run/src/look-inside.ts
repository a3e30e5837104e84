import type { AdaptedModel, BatchSource, Engine, PictureBatch } from '@peft/core';
import type { Insight } from './insight.ts';
import { type MethodEntry, methodNameOf } from './methods.ts';

/** Inspects every active adapter on the first batch, as its method's entry does. */
export async function lookInside(
  model: AdaptedModel,
  engine: Engine,
  source: BatchSource<PictureBatch>,
  methods: Readonly<Record<string, MethodEntry>>,
): Promise<Insight[]> {
  const looks = model.active.flatMap(adapter => {
    const look = methods[methodNameOf(adapter.method)]?.inspect;
    return look ? [{ adapter, look }] : [];
  });
  if (looks.length === 0) return [];
  const insights: Insight[] = [];
  for await (const { images } of source.batches(0)) {
    for (const { adapter, look } of looks)
      insights.push(...(await look({ model, adapter, engine, inputs: { images } })));
    break;
  }
  return insights;
}
