let lock: Promise<WakeLockSentinel | undefined> | undefined;

/** Keeps the screen on, so that a machine does not sleep while it trains. Where that is not allowed, it may. */
export function stayAwake(): void {
  lock ??= navigator.wakeLock?.request('screen').catch(() => undefined);
}

/** Lets the machine sleep again. */
export function mayGoToSleep(): void {
  void lock?.then(sentinel => sentinel?.release());
  lock = undefined;
}
