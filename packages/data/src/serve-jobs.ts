import { failureOf, type Reply } from './job-reply.ts';

/** Of a thread's channel to the one that started it, what is used. */
export interface JobPort<J> {
  post(reply: Reply | 'ready', transfer: ArrayBuffer[]): void;
  listen(take: (job: J) => Promise<void>): void;
}

/** The thread of a pool: says that it is there, and answers each job. `done` is called after each. */
export function serveJobs<J>(port: JobPort<J>, run: (job: J) => Promise<Float32Array>, done = (): void => {}): void {
  port.listen(async job => {
    try {
      const floats = await run(job);
      port.post({ floats }, [floats.buffer as ArrayBuffer]);
    } catch (error) {
      port.post(failureOf(error), []);
    }
    done();
  });
  port.post('ready', []);
}
