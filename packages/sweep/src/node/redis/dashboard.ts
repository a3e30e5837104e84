import type { RequestListener } from 'node:http';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Queue } from 'bullmq';
import express from 'express';
import { connectRedis } from './connection.ts';
import { prefix, queueName } from './names.ts';

/** BullMQ's own page of the queue. */
export interface Dashboard {
  readonly handler: RequestListener;
  close(): Promise<void>;
}

/**
 * BullMQ's dashboard of the queue in a database of Redis, to look at: it changes nothing.
 *
 * @param url as `openRedisQueue` takes it
 * @param path where it is served, such as `/queue`
 * @throws PeftError `state` if Redis cannot be used
 */
export async function openDashboard(url: string, path: string): Promise<Dashboard> {
  const redis = await connectRedis(url);
  const queue = new Queue(queueName, { connection: redis, prefix });
  queue.on('error', () => {}); // the sweep tells
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(path);
  createBullBoard({ queues: [new BullMQAdapter(queue, { readOnlyMode: true })], serverAdapter });
  const app = express();
  app.disable('x-powered-by');
  app.use(path, serverAdapter.getRouter());
  return {
    handler: app,
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}
