// Four floats at a time. `at` is where the numbers of `At` are. Methods, since asc takes `@inline` and Biome takes decorators on both.
import { At } from './constants';

// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members can be marked for inlining
export class Lanes {
  /** a b + c, fused where the build has relaxed SIMD. */
  @inline static madd(a: v128, b: v128, c: v128): v128 {
    return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
  }

  @inline static sum(x: v128): f32 {
    const pairs = f32x4.add(x, i32x4.shuffle(x, x, 2, 3, 0, 1));
    return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
  }

  @inline static max(x: v128): f32 {
    const pairs = f32x4.max(x, i32x4.shuffle(x, x, 2, 3, 0, 1));
    return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
  }

  /** `count` (1 to 3) floats, the other lanes `fill`. */
  @inline static loadPart(from: usize, count: i32, fill: f32): v128 {
    let x = f32x4.replace_lane(f32x4.splat(fill), 0, load<f32>(from));
    if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(from, 4));
    if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(from, 8));
    return x;
  }

  @inline static storePart(to: usize, count: i32, x: v128): void {
    store<f32>(to, f32x4.extract_lane(x, 0));
    if (count > 1) store<f32>(to, f32x4.extract_lane(x, 1), 4);
    if (count > 2) store<f32>(to, f32x4.extract_lane(x, 2), 8);
  }

  /** e^x, relative error below 2e-7; 0 below -87.3, infinite above 88.4 (Moshier's Cephes, expf). */
  @inline static exp(x: v128, at: usize): v128 {
    const low = v128.load32_splat(at, At.expLow);
    const bounded = f32x4.pmin(f32x4.pmax(x, low), v128.load32_splat(at, At.expHigh));
    const rounding = v128.load32_splat(at, At.rounding);
    const shifted = Lanes.madd(bounded, v128.load32_splat(at, At.log2e), rounding); // n in its last bits
    const n = f32x4.sub(shifted, rounding);
    let r = Lanes.madd(n, v128.load32_splat(at, At.ln2Most), bounded);
    r = Lanes.madd(n, v128.load32_splat(at, At.ln2Rest), r);
    let p = Lanes.madd(v128.load32_splat(at, At.exp0), r, v128.load32_splat(at, At.exp1));
    p = Lanes.madd(p, r, v128.load32_splat(at, At.exp2));
    p = Lanes.madd(p, r, v128.load32_splat(at, At.exp3));
    p = Lanes.madd(p, r, v128.load32_splat(at, At.exp4));
    p = Lanes.madd(p, r, v128.load32_splat(at, At.half));
    const one = v128.load32_splat(at, At.one);
    p = Lanes.madd(p, f32x4.mul(r, r), f32x4.add(r, one));
    const scale = i32x4.add(i32x4.shl(shifted, 23), one); // 2^n
    return v128.andnot(f32x4.mul(p, scale), f32x4.lt(x, low));
  }

  /** The error function, absolute error below 3e-7: x P(x^2) / Q(x^2) on [-4, 4] (Eigen, generic_fast_erf_float). */
  @inline static erf(x: v128, at: usize): v128 {
    const t = f32x4.pmin(f32x4.pmax(x, v128.load32_splat(at, At.erfLow)), v128.load32_splat(at, At.erfHigh));
    const t2 = f32x4.mul(t, t);
    let p = Lanes.madd(t2, v128.load32_splat(at, At.p0), v128.load32_splat(at, At.p1));
    p = Lanes.madd(p, t2, v128.load32_splat(at, At.p2));
    p = Lanes.madd(p, t2, v128.load32_splat(at, At.p3));
    p = Lanes.madd(p, t2, v128.load32_splat(at, At.p4));
    p = Lanes.madd(p, t2, v128.load32_splat(at, At.p5));
    p = Lanes.madd(p, t2, v128.load32_splat(at, At.p6));
    let q = Lanes.madd(t2, v128.load32_splat(at, At.q0), v128.load32_splat(at, At.q1));
    q = Lanes.madd(q, t2, v128.load32_splat(at, At.q2));
    q = Lanes.madd(q, t2, v128.load32_splat(at, At.q3));
    q = Lanes.madd(q, t2, v128.load32_splat(at, At.q4));
    return f32x4.div(f32x4.mul(t, p), q);
  }
}
