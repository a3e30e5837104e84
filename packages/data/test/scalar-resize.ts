import { makeWeights } from '../src/filter-weights.ts';
import { type Box, crop, type Picture, type Size } from '../src/picture.ts';

type Filter = Parameters<typeof makeWeights>[2];

/** One axis of a picture of three bytes a pixel, in plain numbers. */
function pass({ data, width, height }: Picture, to: Size, filter: Filter): Picture {
  const along = width !== to.width;
  const { first, end, pairs, values } = along
    ? makeWeights(width, to.width, filter, 0, to.width)
    : makeWeights(height, to.height, filter, 0, to.height);
  const result = new Uint8Array(to.width * to.height * 3);
  for (let i = 0; i < result.length; i++) {
    const [x, y] = [Math.floor(i / 3) % to.width, Math.floor(i / 3 / to.width)];
    const place = along ? x : y;
    let sum = 2 ** 21;
    for (let k = 0; k < end[place] - first[place]; k++) {
      const at = (place * pairs + (k >> 1)) * 4 + (k & 1);
      const pixel = along ? y * width + first[place] + k : (first[place] + k) * width + x;
      sum += data[pixel * 3 + (i % 3)] * (values[at] * 4096 + values[at + 2]);
    }
    result[i] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** 22)));
  }
  return { data: result, ...to };
}

/** What `resizePart` must give: a crop, resized along rows and then along columns, and cropped. */
export function scalarResize(picture: Picture, size: Size, filter: Filter, from: Box, part: Box): Picture {
  const source = crop(picture, from.left, from.top, from.width, from.height);
  const wide = pass(source, { width: size.width, height: source.height }, filter);
  return crop(pass(wide, size, filter), part.left, part.top, part.width, part.height);
}
