import { Lanes } from './lanes';
import { constants } from './scratch';

const lowest: f32 = -f32.MAX_VALUE;

/** The largest of `count` floats, of those that are numbers: an exponential shows the others. */
export function rowMax(x: usize, count: i32): f32 {
  let top = f32x4.splat(lowest);
  let other = top;
  for (; count >= 8; count -= 8) {
    top = f32x4.pmax(top, v128.load(x));
    other = f32x4.pmax(other, v128.load(x, 16));
    x += 32;
  }
  top = f32x4.pmax(top, other);
  if (count >= 4) {
    top = f32x4.pmax(top, v128.load(x));
    count -= 4;
    x += 16;
  }
  if (count) top = f32x4.pmax(top, Lanes.loadPart(x, count, lowest));
  return Lanes.max(top);
}

/** y = e^(x - shift), and its sum; `y` may be `x`. */
export function rowExp(x: usize, shift: f32, y: usize, count: i32): f32 {
  const at = constants;
  const offset = f32x4.splat(shift);
  let total = f32x4.splat(0);
  for (; count >= 4; count -= 4) {
    const e = Lanes.exp(f32x4.sub(v128.load(x), offset), at);
    v128.store(y, e);
    total = f32x4.add(total, e);
    x += 16;
    y += 16;
  }
  if (count) {
    const e = Lanes.exp(f32x4.sub(Lanes.loadPart(x, count, -Infinity), offset), at);
    Lanes.storePart(y, count, e);
    total = f32x4.add(total, e);
  }
  return Lanes.sum(total);
}

/** y = factor y */
export function rowScale(y: usize, factor: f32, count: i32): void {
  const factors = f32x4.splat(factor);
  for (; count >= 4; count -= 4) {
    v128.store(y, f32x4.mul(v128.load(y), factors));
    y += 16;
  }
  for (; count > 0; count--) {
    store<f32>(y, load<f32>(y) * factor);
    y += 4;
  }
}

/** The softmax of each row; `y` may be `x`. */
export function softmax(x: usize, y: usize, rows: i32, n: i32): void {
  const bytes = (<usize>n) << 2;
  for (; rows > 0; rows--) {
    const total = rowExp(x, rowMax(x, n), y, n);
    rowScale(y, 1 / total, n);
    x += bytes;
    y += bytes;
  }
}

function rowDot(a: usize, b: usize, count: i32): f32 {
  let total = f32x4.splat(0);
  for (; count >= 4; count -= 4) {
    total = Lanes.madd(v128.load(a), v128.load(b), total);
    a += 16;
    b += 16;
  }
  if (count) total = Lanes.madd(Lanes.loadPart(a, count, 0), Lanes.loadPart(b, count, 0), total);
  return Lanes.sum(total);
}

/** dx = p (dp - sum(p dp)), for p a softmax and dp its gradient; `dx` may be `dp`. */
export function softmaxGrad(p: usize, dp: usize, dx: usize, rows: i32, n: i32): void {
  for (; rows > 0; rows--) {
    const mean = rowDot(p, dp, n);
    const means = f32x4.splat(mean);
    let count = n;
    for (; count >= 4; count -= 4) {
      v128.store(dx, f32x4.mul(v128.load(p), f32x4.sub(v128.load(dp), means)));
      p += 16;
      dp += 16;
      dx += 16;
    }
    for (; count > 0; count--) {
      store<f32>(dx, load<f32>(p) * (load<f32>(dp) - mean));
      p += 4;
      dp += 4;
      dx += 4;
    }
  }
}
