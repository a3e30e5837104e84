export interface PrepareRequest {
  readonly id: number;
  readonly blob: Blob;
}

export type PrepareReply =
  | {
      readonly id: number;
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
