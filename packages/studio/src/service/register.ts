const reloaded = 'reloaded-for-isolation';

/**
 * Starts the service worker, which keeps the page's files and isolates the page. Isolation needs one reload, which happens once
 * a tab, and only while nothing would be lost.
 *
 * @param isIdle whether the page may be reloaded now
 */
export async function registerService(isIdle: () => boolean): Promise<void> {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  try {
    await navigator.serviceWorker.register('./service-worker.js');
    await navigator.serviceWorker.ready;
  } catch (error) {
    console.warn('The page works, but not offline and on one thread: its service worker did not start.', error);
    return;
  }
  if (globalThis.crossOriginIsolated || sessionStorage.getItem(reloaded) || !isIdle()) return;
  sessionStorage.setItem(reloaded, 'yes');
  location.reload();
}
