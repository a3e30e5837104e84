// Numbers that whole vectors take, in memory. V8 makes such a constant of code from general registers, anew wherever it stands in a
// loop, which took half of the time of GELU and softmax; a load is free beside the arithmetic.

/** Offsets of the numbers. */
export namespace At {
  export const log2e: usize = 0;
  export const rounding: usize = 4;
  export const expLow: usize = 8;
  export const expHigh: usize = 12;
  export const ln2Most: usize = 16;
  export const ln2Rest: usize = 20;
  export const exp0: usize = 24;
  export const exp1: usize = 28;
  export const exp2: usize = 32;
  export const exp3: usize = 36;
  export const exp4: usize = 40;
  export const half: usize = 44;
  export const one: usize = 48;
  export const erfLow: usize = 52;
  export const erfHigh: usize = 56;
  export const p0: usize = 60;
  export const p1: usize = 64;
  export const p2: usize = 68;
  export const p3: usize = 72;
  export const p4: usize = 76;
  export const p5: usize = 80;
  export const p6: usize = 84;
  export const q0: usize = 88;
  export const q1: usize = 92;
  export const q2: usize = 96;
  export const q3: usize = 100;
  export const q4: usize = 104;
  export const sqrtHalf: usize = 108;
  export const minusHalf: usize = 112;
  export const density: usize = 116;
}

export const constantBytes: usize = 120;

export function writeConstants(to: usize): void {
  store<f32>(to, Mathf.LOG2E, At.log2e);
  store<f32>(to, 12582912, At.rounding); // 1.5 * 2^23: adding it leaves the nearest integer in the last bits
  // e^x (Moshier's Cephes, expf)
  store<f32>(to, -87.3, At.expLow);
  store<f32>(to, 88.722, At.expHigh);
  store<f32>(to, -0.693359375, At.ln2Most);
  store<f32>(to, 2.1219444e-4, At.ln2Rest);
  store<f32>(to, 1.98756915e-4, At.exp0);
  store<f32>(to, 1.3981999507e-3, At.exp1);
  store<f32>(to, 8.3334519073e-3, At.exp2);
  store<f32>(to, 4.1665795894e-2, At.exp3);
  store<f32>(to, 1.6666665459e-1, At.exp4);
  store<f32>(to, 0.5, At.half);
  store<f32>(to, 1, At.one);
  // x P(x^2) / Q(x^2) (Eigen, generic_fast_erf_float)
  store<f32>(to, -4, At.erfLow);
  store<f32>(to, 4, At.erfHigh);
  store<f32>(to, -2.72614225801306e-10, At.p0);
  store<f32>(to, 2.77068142495902e-8, At.p1);
  store<f32>(to, -2.10102402082508e-6, At.p2);
  store<f32>(to, -5.69250639462346e-5, At.p3);
  store<f32>(to, -7.3499063032685e-4, At.p4);
  store<f32>(to, -2.95459980854025e-3, At.p5);
  store<f32>(to, -1.60960333262415e-2, At.p6);
  store<f32>(to, -1.45660718464996e-5, At.q0);
  store<f32>(to, -2.13374055278905e-4, At.q1);
  store<f32>(to, -1.68282697438203e-3, At.q2);
  store<f32>(to, -7.37332916720468e-3, At.q3);
  store<f32>(to, -1.42647390514189e-2, At.q4);
  store<f32>(to, Mathf.SQRT1_2, At.sqrtHalf);
  store<f32>(to, -0.5, At.minusHalf);
  store<f32>(to, 0.3989422804014327, At.density); // 1 / sqrt(2 pi)
}
