export { openRedisQueue, type RedisQueueOptions } from './queue.ts';
export { type RedisWorkerOptions, workAtRedis } from './worker.ts';
