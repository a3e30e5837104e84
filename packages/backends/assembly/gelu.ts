import { At } from './constants';
import { Lanes } from './lanes';
import { constants } from './scratch';

const slope: f32 = 0.7978845608028654; // sqrt(2 / pi)
const cubic: f32 = 0.044715;

// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
class Gelu {
  /** (1 + erf(x / sqrt 2)) / 2 */
  @inline static cdf(x: v128, at: usize): v128 {
    const half = v128.load32_splat(at, At.half);
    return Lanes.madd(Lanes.erf(f32x4.mul(x, v128.load32_splat(at, At.sqrtHalf)), at), half, half);
  }

  @inline static exact(x: v128, at: usize): v128 {
    return f32x4.mul(x, Gelu.cdf(x, at));
  }

  /** Phi(x) + x phi(x) */
  @inline static exactSlope(x: v128, at: usize): v128 {
    const exponent = f32x4.mul(f32x4.mul(x, x), v128.load32_splat(at, At.minusHalf));
    const pdf = f32x4.mul(Lanes.exp(exponent, at), v128.load32_splat(at, At.density));
    return Lanes.madd(x, pdf, Gelu.cdf(x, at));
  }

  /** (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which is 1 / (1 + e^(-2 u)). */
  @inline static sigmoid(x: v128, at: usize): v128 {
    const one = f32x4.splat(1);
    const scaled = f32x4.mul(x, f32x4.splat(-2 * slope));
    const exponent = f32x4.mul(scaled, Lanes.madd(f32x4.mul(x, x), f32x4.splat(cubic), one));
    return f32x4.div(one, f32x4.add(one, Lanes.exp(exponent, at)));
  }

  @inline static tanh(x: v128, at: usize): v128 {
    return f32x4.mul(x, Gelu.sigmoid(x, at));
  }

  /** s + x s (1 - s) 2 u', with u' = sqrt(2 / pi) (1 + 3 0.044715 x^2). */
  @inline static tanhSlope(x: v128, at: usize): v128 {
    const one = f32x4.splat(1);
    const s = Gelu.sigmoid(x, at);
    const inner = Lanes.madd(f32x4.mul(x, x), f32x4.splat(6 * slope * cubic), f32x4.splat(2 * slope));
    return f32x4.mul(s, Lanes.madd(f32x4.mul(x, f32x4.sub(one, s)), inner, one));
  }
}

/** y = x Phi(x), or its approximation by tanh. */
export function gelu(x: usize, y: usize, count: i32, tanh: bool): void {
  const at = constants;
  for (; count >= 4; count -= 4) {
    const value = v128.load(x);
    v128.store(y, tanh ? Gelu.tanh(value, at) : Gelu.exact(value, at));
    x += 16;
    y += 16;
  }
  if (count) {
    const value = Lanes.loadPart(x, count, 0);
    Lanes.storePart(y, count, tanh ? Gelu.tanh(value, at) : Gelu.exact(value, at));
  }
}

/** dx = dy times the slope of {@link gelu} at x. */
export function geluGrad(dy: usize, x: usize, dx: usize, count: i32, tanh: bool): void {
  const at = constants;
  for (; count >= 4; count -= 4) {
    const value = v128.load(x);
    v128.store(dx, f32x4.mul(v128.load(dy), tanh ? Gelu.tanhSlope(value, at) : Gelu.exactSlope(value, at)));
    dy += 16;
    x += 16;
    dx += 16;
  }
  if (count) {
    const value = Lanes.loadPart(x, count, 0);
    const dySlope = f32x4.mul(
      Lanes.loadPart(dy, count, 0),
      tanh ? Gelu.tanhSlope(value, at) : Gelu.exactSlope(value, at),
    );
    Lanes.storePart(dx, count, dySlope);
  }
}
