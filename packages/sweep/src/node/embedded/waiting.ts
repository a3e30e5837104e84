import type { Job } from '../queue.ts';

/** Jobs that wait: by priority, then in the order in which they came. Jobs that were put back wait for a while before. */
export class Waiting {
  readonly #byPriority = new Map<number, Job[]>();
  readonly #later = new Map<string, NodeJS.Timeout>();
  #size = 0;

  get size(): number {
    return this.#size + this.#later.size;
  }

  add(job: Job): void {
    const same = this.#byPriority.get(job.priority);
    if (same) same.push(job);
    else this.#byPriority.set(job.priority, [job]);
    this.#size++;
  }

  /** Adds a job after a while, then calls `then`. */
  addLater(job: Job, delay: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#later.delete(job.id);
      this.add(job);
      then();
    }, delay);
    this.#later.set(job.id, timer);
  }

  /** Takes the first job. */
  next(): Job | undefined {
    const first = Math.min(...this.#byPriority.keys());
    const jobs = this.#byPriority.get(first);
    const job = jobs?.shift();
    if (jobs?.length === 0) this.#byPriority.delete(first);
    if (job) this.#size--;
    return job;
  }

  /** Drops all. */
  clear(): void {
    for (const timer of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
    this.#byPriority.clear();
    this.#size = 0;
  }
}
