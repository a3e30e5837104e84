import { closestOf, PeftError } from '@peft/core';
import { deitZoo } from './deit.ts';
import { dinov2Zoo } from './dinov2.ts';
import type { BackboneDefinition } from './entry.ts';
import { picoZoo } from './pico.ts';
import { swinZoo } from './swin.ts';
import { vitZoo } from './vit.ts';

/** Every backbone known by name. */
export const zoo: Readonly<Record<string, BackboneDefinition>> = {
  ...vitZoo,
  ...deitZoo,
  ...dinov2Zoo,
  ...swinZoo,
  ...picoZoo,
};

/**
 * The entry of a name. timm's tags, after a dot, choose among weights: only those of the head of ImageNet-21k or -22k make
 * another model (`.augreg_in21k` is `_in21k`).
 *
 * @throws PeftError `no-match` with the closest names
 */
export function lookupBackbone(name: string): BackboneDefinition {
  const [architecture, tag = ''] = name.split('.');
  const plain = architecture + (/_in2[12]k$/.exec(`_${tag}`)?.[0] ?? '');
  const entry = Object.hasOwn(zoo, plain) ? zoo[plain] : undefined;
  if (entry) return entry;
  const closest = closestOf(plain, Object.keys(zoo), 4);
  throw new PeftError(
    'no-match',
    `There is no backbone "${name}" among the ${Object.keys(zoo).length} known; ` + `closest: ${closest.join(', ')}.`,
  );
}
