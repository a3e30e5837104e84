import { Lanes } from './lanes';

function rowSum(x: usize, count: i32): f32 {
  let total = f32x4.splat(0);
  for (; count >= 4; count -= 4) {
    total = f32x4.add(total, v128.load(x));
    x += 16;
  }
  if (count) total = f32x4.add(total, Lanes.loadPart(x, count, 0));
  return Lanes.sum(total);
}

/** sum((x - mean)^2) */
function rowSquares(x: usize, mean: f32, count: i32): f32 {
  const means = f32x4.splat(mean);
  let total = f32x4.splat(0);
  for (; count >= 4; count -= 4) {
    const centred = f32x4.sub(v128.load(x), means);
    total = Lanes.madd(centred, centred, total);
    x += 16;
  }
  if (count) {
    const centred = f32x4.sub(Lanes.loadPart(x, count, mean), means);
    total = Lanes.madd(centred, centred, total);
  }
  return Lanes.sum(total);
}

/** y = (x - mean) / std gamma + beta, with the mean and 1 / std of each row of `n`. */
export function layerNorm(
  x: usize,
  gamma: usize,
  beta: usize,
  epsilon: f32,
  y: usize,
  mean: usize,
  inverseStd: usize,
  rows: i32,
  n: i32,
): void {
  const bytes = (<usize>n) << 2;
  const whole = bytes & ~15;
  for (; rows > 0; rows--) {
    const mu = rowSum(x, n) / <f32>n;
    const scale: f32 = 1 / sqrt(rowSquares(x, mu, n) / <f32>n + epsilon);
    const mus = f32x4.splat(mu);
    const scales = f32x4.splat(scale);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      const normalized = f32x4.mul(f32x4.sub(v128.load(x + j), mus), scales);
      v128.store(y + j, Lanes.madd(normalized, v128.load(gamma + j), v128.load(beta + j)));
    }
    for (; j < bytes; j += 4) {
      store<f32>(y + j, (load<f32>(x + j) - mu) * scale * load<f32>(gamma + j) + load<f32>(beta + j));
    }
    store<f32>(mean, mu);
    store<f32>(inverseStd, scale);
    x += bytes;
    y += bytes;
    mean += 4;
    inverseStd += 4;
  }
}

/** dx = (g - mean(g) - xhat mean(g xhat)) / std, with g = dy gamma. */
export function layerNormGrad(
  dy: usize,
  x: usize,
  gamma: usize,
  mean: usize,
  inverseStd: usize,
  dx: usize,
  rows: i32,
  n: i32,
): void {
  const bytes = (<usize>n) << 2;
  const whole = bytes & ~15;
  const rest = n & 3;
  for (; rows > 0; rows--) {
    const mu = f32x4.splat(load<f32>(mean));
    const scale = f32x4.splat(load<f32>(inverseStd));
    let sumG = f32x4.splat(0);
    let sumGx = f32x4.splat(0);
    for (let j: usize = 0; j < whole; j += 16) {
      const g = f32x4.mul(v128.load(dy + j), v128.load(gamma + j));
      sumG = f32x4.add(sumG, g);
      sumGx = Lanes.madd(g, f32x4.sub(v128.load(x + j), mu), sumGx);
    }
    if (rest) {
      const g = f32x4.mul(Lanes.loadPart(dy + whole, rest, 0), Lanes.loadPart(gamma + whole, rest, 0));
      sumG = f32x4.add(sumG, g);
      sumGx = Lanes.madd(g, f32x4.sub(Lanes.loadPart(x + whole, rest, 0), mu), sumGx);
    }
    const meanG = f32x4.splat(Lanes.sum(sumG) / <f32>n);
    const meanGx = f32x4.mul(f32x4.splat(Lanes.sum(sumGx) / <f32>n), f32x4.mul(scale, scale));
    for (let j: usize = 0; j < whole; j += 16) {
      const g = f32x4.mul(v128.load(dy + j), v128.load(gamma + j));
      const projection = f32x4.mul(f32x4.sub(v128.load(x + j), mu), meanGx);
      v128.store(dx + j, f32x4.mul(f32x4.sub(f32x4.sub(g, meanG), projection), scale));
    }
    if (rest) {
      const g = f32x4.mul(Lanes.loadPart(dy + whole, rest, 0), Lanes.loadPart(gamma + whole, rest, 0));
      const projection = f32x4.mul(f32x4.sub(Lanes.loadPart(x + whole, rest, 0), mu), meanGx);
      Lanes.storePart(dx + whole, rest, f32x4.mul(f32x4.sub(f32x4.sub(g, meanG), projection), scale));
    }
    dy += bytes;
    x += bytes;
    dx += bytes;
    mean += 4;
    inverseStd += 4;
  }
}
