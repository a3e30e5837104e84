/** A worker that does nothing, as fast as it can: at the folder of an embedded queue, or at a Redis. */
import type { JsonObject } from '@peft/core';
import { type Handler, workAt } from '@peft/sweep/node';
import { workAtRedis } from '@peft/sweep/redis';

const [place = '', value = '{}'] = process.argv.slice(2);
const result = JSON.parse(value) as JsonObject;
const handler: Handler = async () => result;
const { signal } = new AbortController(); // it works until it is killed, or its parent is
process.once('disconnect', () => process.exit());
await (place.startsWith('redis:') ? workAtRedis(place, handler, signal) : workAt(place, handler, signal));
