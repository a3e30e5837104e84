import { PeftError } from '@peft/core';
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

/** How many letters must be added, removed or changed to get from one word to the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/**
 * The entry of a name. timm's tags, after a dot, choose among weights: only those of the head of ImageNet-21k or -22k make
 * another model (`.augreg_in21k` is `_in21k`).
 *
 * @throws PeftError `no-match` with the closest names
 */
export function lookupBackbone(name: string): BackboneDefinition {
  const [architecture, tag = ''] = name.split('.');
  const plain = architecture + (/_in2[12]k$/.exec(`_${tag}`)?.[0] ?? '');
  if (Object.hasOwn(zoo, plain)) return zoo[plain];
  const closest = Object.keys(zoo)
    .map(known => ({ known, distance: editDistance(plain, known) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 4);
  throw new PeftError(
    'no-match',
    `There is no backbone "${name}" among the ${Object.keys(zoo).length} known; ` +
      `closest: ${closest.map(({ known }) => known).join(', ')}.`,
  );
}
