import type { MessagePort } from 'node:worker_threads';
import { type FileJob, runJob } from './file-job.ts';
import { failureOf } from './job-reply.ts';
import { youngCollector } from './young-garbage.ts';

/** The thread of a pool: says that it is there, and answers each job in turn. */
export function servePictures(port: MessagePort): void {
  const collectYoung = youngCollector();
  port.on('message', async (job: FileJob) => {
    try {
      const floats = await runJob(job);
      port.postMessage({ floats }, [floats.buffer as ArrayBuffer]);
    } catch (error) {
      port.postMessage(failureOf(error));
    }
    collectYoung();
  });
  port.postMessage('ready');
}
