import { Lanes } from './lanes';

const density: f32 = 0.3989422804014327; // 1 / sqrt(2 pi)
const slope: f32 = 0.7978845608028654; // sqrt(2 / pi)
const cubic: f32 = 0.044715;

// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
class Gelu {
  /** (1 + erf(x / sqrt 2)) / 2 */
  @inline static cdf(x: v128): v128 {
    const half = f32x4.splat(0.5);
    return Lanes.madd(Lanes.erf(f32x4.mul(x, f32x4.splat(Mathf.SQRT1_2))), half, half);
  }

  @inline static exact(x: v128): v128 {
    return f32x4.mul(x, Gelu.cdf(x));
  }

  /** Phi(x) + x phi(x) */
  @inline static exactSlope(x: v128): v128 {
    const pdf = f32x4.mul(Lanes.exp(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5))), f32x4.splat(density));
    return Lanes.madd(x, pdf, Gelu.cdf(x));
  }

  /** (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which is 1 / (1 + e^(-2 u)). */
  @inline static sigmoid(x: v128): v128 {
    const one = f32x4.splat(1);
    const scaled = f32x4.mul(x, f32x4.splat(-2 * slope));
    const exponent = f32x4.mul(scaled, Lanes.madd(f32x4.mul(x, x), f32x4.splat(cubic), one));
    return f32x4.div(one, f32x4.add(one, Lanes.exp(exponent)));
  }

  @inline static tanh(x: v128): v128 {
    return f32x4.mul(x, Gelu.sigmoid(x));
  }

  /** s + x s (1 - s) 2 u', with u' = sqrt(2 / pi) (1 + 3 0.044715 x^2). */
  @inline static tanhSlope(x: v128): v128 {
    const one = f32x4.splat(1);
    const s = Gelu.sigmoid(x);
    const inner = Lanes.madd(f32x4.mul(x, x), f32x4.splat(6 * slope * cubic), f32x4.splat(2 * slope));
    return f32x4.mul(s, Lanes.madd(f32x4.mul(x, f32x4.sub(one, s)), inner, one));
  }
}

/** y = x Phi(x), or its approximation by tanh. */
export function gelu(x: usize, y: usize, count: i32, tanh: bool): void {
  for (; count >= 4; count -= 4) {
    const value = v128.load(x);
    v128.store(y, tanh ? Gelu.tanh(value) : Gelu.exact(value));
    x += 16;
    y += 16;
  }
  if (count) {
    const value = Lanes.loadPart(x, count, 0);
    Lanes.storePart(y, count, tanh ? Gelu.tanh(value) : Gelu.exact(value));
  }
}

/** dx = dy times the slope of {@link gelu} at x. */
export function geluGrad(dy: usize, x: usize, dx: usize, count: i32, tanh: bool): void {
  for (; count >= 4; count -= 4) {
    const value = v128.load(x);
    v128.store(dx, f32x4.mul(v128.load(dy), tanh ? Gelu.tanhSlope(value) : Gelu.exactSlope(value)));
    dy += 16;
    x += 16;
    dx += 16;
  }
  if (count) {
    const value = Lanes.loadPart(x, count, 0);
    const dySlope = f32x4.mul(Lanes.loadPart(dy, count, 0), tanh ? Gelu.tanhSlope(value) : Gelu.exactSlope(value));
    Lanes.storePart(dx, count, dySlope);
  }
}
