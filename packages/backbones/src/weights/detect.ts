import { PeftError, parameters } from '@peft/core';
import type { Backbone } from '../backbone.ts';
import type { FileNaming, Naming } from './naming.ts';
import { translator } from './naming.ts';
import { namingsOf } from './namings.ts';

export function findNaming(model: Backbone, id: string): Naming {
  const namings = namingsOf(model.architecture);
  const found = namings.find(naming => naming.id === id);
  if (found) return found;
  throw new PeftError(
    'no-match',
    `There is no layout "${id}" for ${model.constructor.name}; there are ${namings.map(naming => naming.id).join(', ')}.`,
  );
}

/** The layout that matches the most names of a file. */
export function detectNaming(model: Backbone, names: ReadonlySet<string>): FileNaming {
  const paths = [...parameters(model)].map(([path]) => path);
  let best: FileNaming & { hits: number } = { id: 'timm', prefix: '', hits: 0 };
  for (const naming of namingsOf(model.architecture)) {
    for (const prefix of naming.prefixes) {
      const translate = translator(naming, prefix);
      const hits = paths.filter(path => translate(path)?.every(name => names.has(name))).length;
      if (hits > best.hits) best = { id: naming.id, prefix, hits };
    }
  }
  return { id: best.id, prefix: best.prefix };
}
