/**
 * Plain JavaScript, so that a worker thread can load it from source and from the build alike; what it imports is the build's, as
 * Node reads no TypeScript everywhere.
 */
import { parentPort } from 'node:worker_threads';
import { servePictures } from '#serve-pictures';

if (parentPort) servePictures(parentPort);
