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
    const method = methodNameOf(adapter.method);
    const look = methods[method]?.inspect;
    return look ? [{ adapter, method, look }] : [];
  });
  if (looks.length === 0) return [];
  const insights: Insight[] = [];
  for await (const { images } of source.batches(0)) {
    for (const { adapter, method, look } of looks) {
      const seen = await look({ model, adapter, engine, inputs: { images } });
      insights.push(...seen.map(insight => ({ ...insight, adapter: { name: adapter.name, method } })));
    }
    break;
  }
  return insights;
}
