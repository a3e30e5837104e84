/**
 * The work of a team of threads, in memory that they share: parts, each an ordered list of kernel calls. Plain
 * JavaScript, so that a worker thread of Node can load it from source and from the build alike.
 */

/** The most parts in one round. */
export const mostParts = 1023;

/** Numbers that calls may take; a part takes fewer than {@link partNumbers}. */
const numbers = 32_768;
export const partNumbers = 1_024;

/** Places in the header. A ticket counts the parts that are left in its last ten bits, and in the others the rounds. */
const ticket = 0;
const done = 1;
const failed = 2;

/**
 * @typedef {object} Work
 * @property {Int32Array<SharedArrayBuffer>} header
 * @property {Int32Array<SharedArrayBuffer>} ends Of each part, in `calls`.
 * @property {Float64Array<SharedArrayBuffer>} calls The index of a kernel and its arguments, again and again.
 */

/** @typedef {(...given: number[]) => unknown} Kernel */

/** @returns {Work} */
export const makeWork = () => ({
  header: new Int32Array(new SharedArrayBuffer(12)),
  ends: new Int32Array(new SharedArrayBuffer(4 * mostParts)),
  calls: new Float64Array(new SharedArrayBuffer(8 * numbers)),
});

/** Gives out the first `parts` parts. @param {Work} work @param {number} parts */
export function giveOut({ header }, parts) {
  header[done] = 0;
  const round = (Atomics.load(header, ticket) >>> 10) + 1;
  Atomics.store(header, ticket, (round << 10) | parts);
  Atomics.notify(header, ticket);
}

/**
 * Computes one part after another until none is left.
 *
 * @param {Work} work
 * @param {readonly Kernel[]} kernels
 * @returns {number} the ticket that says so
 */
export function takeParts({ header, ends, calls }, kernels) {
  for (;;) {
    const seen = Atomics.load(header, ticket);
    const part = (seen & mostParts) - 1;
    if (part < 0) return seen;
    if (Atomics.compareExchange(header, ticket, seen, seen - 1) !== seen) continue;
    try {
      const end = ends[part] ?? 0;
      for (let at = ends[part - 1] ?? 0; at < end; ) {
        const kernel = kernels[calls[at++] ?? -1];
        if (!kernel) throw new RangeError('There is no such kernel.');
        kernel(...calls.subarray(at, at + kernel.length));
        at += kernel.length;
      }
    } catch {
      Atomics.store(header, failed, 1);
    }
    Atomics.add(header, done, 1);
    Atomics.notify(header, done);
  }
}

/** Computes parts forever. @param {Work} work @param {readonly Kernel[]} kernels */
export function serve(work, kernels) {
  for (;;) Atomics.wait(work.header, ticket, takeParts(work, kernels));
}

/** Whether this thread may sleep: any may but the main thread of a page. */
function maySleep() {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

/** How often a thread polls before it sleeps. Waking up takes longer than most parts need to finish. */
const looks = /* @__PURE__ */ maySleep() ? 2_000 : Number.POSITIVE_INFINITY;

/** Waits until `parts` parts are done; false if one failed. @param {Work} work @param {number} parts */
export function finish({ header }, parts) {
  for (let look = 0; ; look++) {
    const count = Atomics.load(header, done);
    if (count === parts) break;
    if (look > looks) Atomics.wait(header, done, count);
  }
  return Atomics.exchange(header, failed, 0) === 0;
}
