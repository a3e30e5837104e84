/** The thread of `blobPool`: a module worker that imports this, `import '@peft/data/worker'`. */
import { type BlobJob, runBlobJob } from './blob-job.ts';
import { serveJobs } from './serve-jobs.ts';

/** The part of a `DedicatedWorkerGlobalScope` that is used. */
interface WorkerScope {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: 'message', listener: (event: { data: BlobJob }) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

serveJobs<BlobJob>(
  {
    post: (reply, transfer) => scope.postMessage(reply, transfer),
    listen: take => scope.addEventListener('message', ({ data }) => void take(data)),
  },
  runBlobJob,
);
