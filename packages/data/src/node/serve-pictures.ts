import type { MessagePort } from 'node:worker_threads';
import { serveJobs } from '../serve-jobs.ts';
import { type FileJob, runJob } from './file-job.ts';
import { youngCollector } from './young-garbage.ts';

/** The thread that reads picture files. */
export function servePictures(port: MessagePort): void {
  serveJobs<FileJob>(
    { post: (reply, transfer) => port.postMessage(reply, transfer), listen: take => port.on('message', take) },
    runJob,
    youngCollector(),
  );
}
