import { rowExp, rowMax, rowScale } from './softmax';

/** The host's `Math.log`: that of AssemblyScript brings tables, which have no place in a memory that is not ours. */
declare function log(x: f64): f64;

/** For each row, p = softmax(logits) and loss = -sum(target log p). */
export function softmaxCrossEntropy(logits: usize, target: usize, loss: usize, p: usize, rows: i32, n: i32): void {
  for (; rows > 0; rows--) {
    const top = rowMax(logits, n);
    const total = rowExp(logits, top, p, n);
    rowScale(p, 1 / total, n);
    const logSum = top + <f32>log(<f64>total);
    let sum: f32 = 0;
    for (let j = 0; j < n; j++) {
      sum += load<f32>(target) * (logSum - load<f32>(logits));
      target += 4;
      logits += 4;
    }
    store<f32>(loss, sum);
    loss += 4;
    p += (<usize>n) << 2;
  }
}
