/** The backend of a test's child process, without its greeting. */
import '@tensorflow/tfjs-backend-cpu';
import { env } from '@tensorflow/tfjs-core';

env().set('IS_TEST', true);
