/** The name of BullMQ's queue, and the prefix of all keys: one queue of runs in a database of Redis. */
export const queueName = 'runs';
export const prefix = 'peft';

const key = (name: string): string => `${prefix}:${queueName}:${name}`;

/** Who schedules: a token, which expires if its holder is gone. */
export const schedulerKey = key('scheduler');
/** The sweep that the jobs belong to. */
export const ownerKey = key('owner');
/** How often jobs were cancelled. A job of an earlier number is not to be done. */
export const cancelsKey = key('cancels');
/** Why workers put jobs back: a sorted set of reasons by the time. */
export const putBackKey = key('put-back');

/** BullMQ refuses ids that are integers, and a hash may be one. */
const idPrefix = 'run-';

export const redisId = (id: string): string => `${idPrefix}${id}`;

export const ownId = (id: string): string => id.slice(idPrefix.length);
