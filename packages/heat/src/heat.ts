import { bottleneck, check, type Method, type MethodFactory, type Site, type TargetOptions } from '@peft/core';
import { type HeatConfig, type HeatOptions, type HeatParts, heatOptions, heatParts, pairOptions } from './config.ts';
import { narrow, narrowSpec } from './mask.ts';
import { maskedDelta, maskedDeltaWeight, maskedWeightDelta } from './maths.ts';
import { extraTargets, type Placement, placementOf, targetNames } from './placement.ts';
import { heatStage, isProbing } from './stage.ts';

/** Where the method adapts, and for masks on the output where heads are read. */
function targetsOf({ of, config }: HeatParts): TargetOptions | undefined {
  if (config.maskTarget === 'delta' || !of.targets) return of.targets;
  return { ...of.targets, targets: [...targetNames(of), ...extraTargets(of, config)] };
}

function makeHeat(parts: HeatParts): Method<HeatConfig> {
  const { config, of } = parts;
  /** What is known of a site since the adapter was laid out on a model. */
  const placements = new WeakMap<Site, Placement>();
  const at = (site: Site): Placement => {
    const placement = placements.get(site);
    check(placement, 'state', () => `heat: ${site.id} is of no adapter of this method.`);
    return placement;
  };
  const { prepare, withTargets } = of;
  return {
    type: 'heat',
    config,
    of,
    targets: targetsOf(parts),
    ...(withTargets && {
      withTargets: (targets: readonly string[]) => makeHeat({ ...parts, of: withTargets(targets) }),
    }),
    blocks: of.blocks,
    convolutions: of.convolutions,
    modulesToSave: of.modulesToSave,
    bias: of.bias,
    parameters(site, sites) {
      const placement = placementOf(site, sites, parts);
      placements.set(site, placement);
      const { specs = {}, axes, outputs } = placement;
      const entries = Object.entries(specs).map(([name, whole]) => {
        const spec = outputs && name in axes ? narrowSpec(whole, axes[name], outputs) : whole;
        return [name, isProbing(parts) ? { ...spec, frozen: true } : spec];
      });
      return Object.fromEntries(entries);
    },
    delta: call => maskedDelta(call, of, at(call.site)),
    rowwise: of.rowwise,
    ...(of.weightDelta && { weightDelta: call => maskedWeightDelta(call, of, at(call.site)) }),
    unmergeable: of.unmergeable,
    ...(of.deltaWeight && { deltaWeight: call => maskedDeltaWeight(call, of, at(call.site)) }),
    ...(prepare && {
      async prepare(site: Site, weight: Float32Array, from: Parameters<typeof prepare>[2]) {
        const { specs, axes, outputs } = at(site);
        const values = Object.entries(specs ? await prepare(site, weight, from) : {});
        return Object.fromEntries(
          values.map(([name, data]) => {
            const isCut = specs && outputs && name in axes;
            return [name, isCut ? narrow(data, specs[name].shape, axes[name], outputs) : data];
          }),
        );
      },
    }),
    ...((config.off === undefined || config.refreshEvery > 0) && { stage: heatStage(parts, makeHeat) }),
  };
}

/**
 * Head-level adaptation: scores the heads of attention on the task, and turns the adapter off at the least important.
 *
 * ```ts
 * await model.add('default', heat({ ne: 3, r: 8, modulesToSave: ['head'] }), { key: key(42) });
 * await model.add('default', heat({ ne: 3, of: lora({ targets: ['attn.qkv[q,v]'], dora: true }) }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const heat: ((options?: HeatOptions) => Method<HeatConfig>) & MethodFactory<HeatOptions> =
  /* @__PURE__ */ Object.assign((options: HeatOptions = {}): Method<HeatConfig> => makeHeat(heatParts(options)), {
    type: 'heat',
    options: { ...heatOptions, ...pairOptions },
    of: bottleneck,
  });
