import { array, assert, integer, property, shuffledSubarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearLayout, patchLayout, permute, plainLayout } from '../method/index.ts';
import { fromFileOrder, toFileOrder } from './layout.ts';

const numbers = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => i);

// Values are reordered on the host, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('layouts', () => {
  test('a linear weight is transposed', () => {
    expect([...fromFileOrder(numbers(6), linearLayout(3, 2))]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  test('a convolution becomes a matrix over patches', () => {
    const [inChannels, outChannels, height, width] = [2, 3, 4, 5];
    const found = fromFileOrder(numbers(120), patchLayout(inChannels, outChannels, height, width));
    for (let i = 0; i < 120; i++) {
      const [o, c, y] = [i % 3, Math.floor(i / 3) % 2, Math.floor(i / 30)];
      const x = Math.floor(i / 6) % 5;
      expect(found[i]).toBe(((o * inChannels + c) * height + y) * width + x);
    }
  });

  test.each([
    ['plain', plainLayout([2, 3])],
    ['linear', linearLayout(37, 65)],
    ['patch', patchLayout(3, 5, 2, 4)],
  ])('%s goes to the file and back', (_, layout) => {
    const values = numbers(layout.shape.reduce((product, size) => product * size, 1));
    expect(fromFileOrder(toFileOrder(values, layout), layout)).toEqual(values);
    expect(toFileOrder(fromFileOrder(values, layout), layout)).toEqual(values);
  });

  test('any permutation of any shape puts every value where it belongs', () => {
    const shapes = array(integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    const cases = shapes.chain(shape =>
      shuffledSubarray([...shape.keys()], { minLength: shape.length }).map(permutation => ({ shape, permutation })),
    );
    assert(
      property(cases, ({ shape, permutation }) => {
        const at = (index: number[], sizes: number[]): number => index.reduce((i, k, axis) => i * sizes[axis] + k, 0);
        const sizes = permutation.map(axis => shape[axis]);
        const size = shape.reduce((product, n) => product * n, 1);
        const found = permute(numbers(size), shape, permutation);
        for (let i = 0; i < size; i++) {
          let rest = i;
          const index = sizes.map(() => 0);
          for (let axis = sizes.length - 1; axis >= 0; axis--) {
            index[axis] = rest % sizes[axis];
            rest = Math.floor(rest / sizes[axis]);
          }
          const source = shape.map((_, axis) => index[permutation.indexOf(axis)]);
          expect(found[at(index, sizes)]).toBe(at(source, shape));
        }
      }),
    );
  });
});
