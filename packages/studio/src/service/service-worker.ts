/**
 * Keeps the page's files, so that it works offline, and gives it the headers that a static host does not: with them threads may
 * share memory.
 */
import { isHubWorker, policyOf } from '../server/policy.ts';

/** What is used of a `ServiceWorkerGlobalScope`. */
interface ServiceScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: LifeEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
}

interface LifeEvent {
  waitUntil(task: Promise<unknown>): void;
}

interface FetchEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as ServiceScope;
const cacheName = 'peft-studio';

const added: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const urlOf = (file: string): string => new URL(file, scope.registration.scope).href;

/** What the page needs at once. Runtimes, models and the decoder of HEIC pictures are kept when they are first used. */
const isEager = (file: string): boolean => !/\.(wasm|safetensors)$|^ready\/|\/libheif/.test(file);

async function listFiles(): Promise<string[]> {
  const response = await fetch(urlOf('files.json'), { cache: 'no-cache' });
  const files: string[] = await response.json();
  return files;
}

async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  const files = (await listFiles()).filter(isEager).map(urlOf);
  await cache.addAll([...files, scope.registration.scope]);
  await scope.skipWaiting();
}

/** Forgets the files of earlier builds. */
async function activate(): Promise<void> {
  const cache = await caches.open(cacheName);
  const wanted = new Set([...(await listFiles()).map(urlOf), scope.registration.scope]);
  for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url);
  await scope.clients.claim();
}

function isolated(response: Response, url: string): Response {
  const headers = new Headers(response.headers);
  // A host that has another Hub says so in the policy of the worker that asks it.
  if (!isHubWorker(url) || !headers.has('Content-Security-Policy'))
    headers.set('Content-Security-Policy', policyOf(url));
  for (const [header, value] of Object.entries(added)) headers.set(header, value);
  const { status, statusText, body } = response;
  return new Response(body, { status, statusText, headers });
}

async function fetchAndKeep(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.ok && response.status !== 206) {
    const copy = response.clone();
    await caches
      .open(cacheName)
      .then(cache => cache.put(request, copy))
      .catch(() => {}); // a full disk keeps nothing, and the page goes on
  }
  return response;
}

/** Whether a file is asked for anew where there is a network; the others have their version in their names. */
const isFresh = ({ mode, url }: Request): boolean => mode === 'navigate' || url === urlOf('hub.json');

async function answer(request: Request): Promise<Response> {
  const kept = await caches.match(request, { ignoreSearch: request.mode === 'navigate' });
  if (!isFresh(request) && kept) return isolated(kept, request.url);
  try {
    return isolated(await fetchAndKeep(request), request.url);
  } catch (error) {
    if (kept) return isolated(kept, request.url);
    throw error;
  }
}

scope.addEventListener('install', event => event.waitUntil(install()));
scope.addEventListener('activate', event => event.waitUntil(activate()));
scope.addEventListener('fetch', event => {
  const { url, method } = event.request;
  if (method === 'GET' && url.startsWith(scope.registration.scope)) event.respondWith(answer(event.request));
});
