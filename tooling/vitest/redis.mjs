import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.mjs';

const isInstalled = program => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Why there is no Redis; undefined if there is. */
export const noRedis = isInstalled('redis-server') ? undefined : 'redis-server is not installed (Debian: redis-server)';

async function startRedis(args) {
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  await new Promise((resolve, reject) => {
    server.stdout.on('data', text => {
      log += text;
      if (log.includes('Ready to accept connections')) resolve();
    });
    server.once('close', () => reject(new Error(`redis-server ended: ${log}`)));
  });
  return server;
}

/** Starts a Redis in a folder. */
export async function redisIn(folder, { password, tls, options = [] } = {}) {
  const port = String(await freePort());
  const secure = tls && ['--tls-cert-file', tls.cert, '--tls-key-file', tls.key, '--tls-auth-clients', 'no'];
  const args = [
    ...(secure ? ['--port', '0', '--tls-port', port, ...secure] : ['--port', port]),
    ...['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...options,
  ];
  let server = await startRedis(args);
  const end = async signal => {
    const ended = once(server, 'close');
    server.kill(signal);
    await ended;
  };
  return {
    url: `${tls ? 'rediss' : 'redis'}://${password === undefined ? '' : `:${password}@`}localhost:${port}`,
    async kill(pause = 0) {
      await end('SIGKILL');
      await sleep(pause);
      server = await startRedis(args);
    },
    stop: () => end('SIGTERM'),
  };
}
