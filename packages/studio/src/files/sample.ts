import type { Picture, Pictures } from '../state/pictures.ts';
import type { LabeledPictures } from '../worker/protocol.ts';

/** Small pictures are their own thumbnails. */
export function projectOf({ classes, pictures }: LabeledPictures, side: number): Pictures {
  const named = classes.map(name => ({ id: crypto.randomUUID(), name }));
  return {
    classes: named,
    pictures: pictures.map(({ blob, name, label, part }): Picture => {
      const id = crypto.randomUUID();
      const size = { width: side, height: side };
      return { id, blob, thumb: blob, name, label: named[label]!.id, hash: id, ...size, ...(part && { part }) };
    }),
  };
}
