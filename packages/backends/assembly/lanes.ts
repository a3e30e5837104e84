// Four floats at a time. Methods, since asc takes `@inline` and Biome takes decorators on both.

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
  @inline static exp(x: v128): v128 {
    const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-87.3)), f32x4.splat(88.722));
    const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(Mathf.LOG2E)));
    let r = Lanes.madd(n, f32x4.splat(-0.693359375), bounded);
    r = Lanes.madd(n, f32x4.splat(2.1219444e-4), r);
    let p = Lanes.madd(f32x4.splat(1.98756915e-4), r, f32x4.splat(1.3981999507e-3));
    p = Lanes.madd(p, r, f32x4.splat(8.3334519073e-3));
    p = Lanes.madd(p, r, f32x4.splat(4.1665795894e-2));
    p = Lanes.madd(p, r, f32x4.splat(1.6666665459e-1));
    p = Lanes.madd(p, r, f32x4.splat(5.0000001201e-1));
    p = Lanes.madd(p, f32x4.mul(r, r), f32x4.add(r, f32x4.splat(1)));
    const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
    return v128.andnot(f32x4.mul(p, scale), f32x4.lt(x, f32x4.splat(-87.3)));
  }

  /** The error function, absolute error below 3e-7: x P(x^2) / Q(x^2) on [-4, 4] (Eigen, generic_fast_erf_float). */
  @inline static erf(x: v128): v128 {
    const t = f32x4.min(f32x4.max(x, f32x4.splat(-4)), f32x4.splat(4));
    const t2 = f32x4.mul(t, t);
    let p = Lanes.madd(t2, f32x4.splat(-2.72614225801306e-10), f32x4.splat(2.77068142495902e-8));
    p = Lanes.madd(p, t2, f32x4.splat(-2.10102402082508e-6));
    p = Lanes.madd(p, t2, f32x4.splat(-5.69250639462346e-5));
    p = Lanes.madd(p, t2, f32x4.splat(-7.3499063032685e-4));
    p = Lanes.madd(p, t2, f32x4.splat(-2.95459980854025e-3));
    p = Lanes.madd(p, t2, f32x4.splat(-1.60960333262415e-2));
    let q = Lanes.madd(t2, f32x4.splat(-1.45660718464996e-5), f32x4.splat(-2.13374055278905e-4));
    q = Lanes.madd(q, t2, f32x4.splat(-1.68282697438203e-3));
    q = Lanes.madd(q, t2, f32x4.splat(-7.37332916720468e-3));
    q = Lanes.madd(q, t2, f32x4.splat(-1.42647390514189e-2));
    return f32x4.div(f32x4.mul(t, p), q);
  }
}
