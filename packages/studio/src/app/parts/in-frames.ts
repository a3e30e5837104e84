/** How long one frame works on what waits, in ms. */
const budget = 8;

const waiting = new Set<() => void>();

function work(): void {
  const end = performance.now() + budget;
  for (const task of waiting) {
    waiting.delete(task);
    task();
    if (performance.now() > end) break;
  }
  if (waiting.size > 0) requestAnimationFrame(work);
}

/** Does a small task in one of the next frames, after those before it, so that many do not hold up the page. Returns how to call it off. */
export function inFrames(task: () => void): () => void {
  const once = (): void => task();
  if (waiting.size === 0) requestAnimationFrame(work);
  waiting.add(once);
  return () => void waiting.delete(once);
}
