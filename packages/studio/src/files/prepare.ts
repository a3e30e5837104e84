import { isHeicFile } from './heic.ts';

export interface PrepareRequest {
  readonly id: number;
  readonly blob: Blob;
}

export type PrepareReply =
  | {
      readonly id: number;
      /** What is kept in the place of a HEIC file. */
      readonly instead?: File;
      readonly thumb: Blob;
      readonly width: number;
      readonly height: number;
      readonly hash: string;
    }
  | { readonly id: number; readonly error: string };

/** Pictures that are decoded at the same time. */
const parallel = 4;

/**
 * Decodes files in a worker, in order, a few at a time.
 *
 * @param onDone told how many are done
 */
export async function prepareAll(blobs: readonly Blob[], onDone: (done: number) => void): Promise<PrepareReply[]> {
  const worker = new Worker(new URL('./prepare.worker.ts', import.meta.url), { type: 'module', name: 'pictures' });
  const replies: PrepareReply[] = [];
  let [next, done] = [0, 0];
  const post = (): void => {
    const blob = blobs[next];
    if (blob) worker.postMessage({ id: next++, blob } satisfies PrepareRequest);
  };
  try {
    await new Promise<void>((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new Error(message || 'The pictures could not be read.'));
      worker.onmessage = ({ data }: MessageEvent<PrepareReply>) => {
        replies[data.id] = data;
        onDone(++done);
        if (done === blobs.length) resolve();
        else post();
      };
      if (blobs.length === 0) resolve();
      for (let i = 0; i < parallel; i++) post();
    });
    return replies;
  } finally {
    worker.terminate();
  }
}

/**
 * A picture that the page can show: a HEIC file is decoded in a worker, any other left as it is.
 *
 * @throws Error for a HEIC file that cannot be decoded
 */
export async function showable(file: Blob): Promise<Blob> {
  if (!(await isHeicFile(file))) return file;
  const [reply] = await prepareAll([file], () => {});
  if (reply && 'error' in reply) throw new Error(reply.error);
  return reply?.instead ?? file;
}
