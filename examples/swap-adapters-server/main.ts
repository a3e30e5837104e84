/** Serves every adapter of a folder on one base in memory: `POST /predict/ADAPTER` with a picture as the body. */
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import { PeftError } from '@peft/core';
import { fastify } from 'fastify';
import { openClassifiers } from './classifier.ts';

const [folder, port = '3000', base = 'pico-vit'] = process.argv.slice(2);
if (!folder) throw new Error('Usage: tsx main.ts ADAPTERS [PORT] [BACKBONE]');

await startBackend('cpu'); // holds the weights; ONNX Runtime computes
const engine = await onnxEngine();
const classifiers = await openClassifiers(engine, base, folder);

const server = fastify({ bodyLimit: 10_000_000 });
server.removeAllContentTypeParsers(); // a picture is a picture, whatever its type is said to be
server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

server.post<{ Params: { adapter: string }; Body: Buffer | undefined }>('/predict/:adapter', async (request, reply) => {
  const { adapter } = request.params;
  const predict = classifiers.get(adapter);
  if (!predict) {
    const error = `There is no adapter "${adapter}"; there are ${[...classifiers.keys()].join(', ')}.`;
    return reply.code(404).send({ error });
  }
  try {
    return await predict(request.body ?? Buffer.alloc(0));
  } catch (error) {
    if (error instanceof PeftError && error.code === 'bad-file') return reply.code(400).send({ error: error.message });
    throw error;
  }
});

server.addHook('onClose', () => engine.dispose());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close());
console.log(`${[...classifiers.keys()].join(', ')} at ${await server.listen({ port: Number(port) })}`);
