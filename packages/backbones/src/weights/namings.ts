import type { ModuleNaming } from '@peft/core';
import { type FileNaming, type Naming, translator } from './naming.ts';
import { swinNamings } from './swin-naming.ts';
import { vitNamings } from './vit-naming.ts';

type Architecture = 'vit' | 'swin';

/** The layouts in which files may hold a backbone. */
export const namingsOf = (architecture: Architecture): readonly Naming[] =>
  architecture === 'vit' ? vitNamings : swinNamings;

/** The namings of adapter files: all but timm's, whose names are our paths, with every prefix. */
export const moduleNamings = (architecture: Architecture): ModuleNaming[] =>
  namingsOf(architecture)
    .filter(({ id }) => id !== 'timm')
    .flatMap(naming => naming.prefixes.map(prefix => ({ id: naming.id, names: translator(naming, prefix) })));

/**
 * The naming that adapters are saved in, given the layout of the weights: the names that modules have in transformers 5.9
 * and later, which still saves weights under the old ones. Undefined for timm.
 */
export function adapterNaming(architecture: Architecture, { id, prefix }: FileNaming): ModuleNaming | undefined {
  const namings = namingsOf(architecture);
  const found = namings.find(naming => naming.id === `${id}-5.9`) ?? namings.find(naming => naming.id === id);
  return found && id.startsWith('hf') ? { id: found.id, names: translator(found, prefix) } : undefined;
}
