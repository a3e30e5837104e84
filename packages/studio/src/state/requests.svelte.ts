import { isOwn } from './own-requests.ts';

/** What the page and its workers asked the network for since it was opened. */
class Requests {
  /** Files of this page, which hold the same for everyone. */
  own = $state(0);
  /** All others, by address. */
  others: readonly string[] = $state.raw([]);

  add(addresses: readonly string[]): void {
    const others = addresses.filter(address => !isOwn(address, location.href));
    this.own += addresses.length - others.length;
    if (others.length > 0) this.others = [...this.others, ...others];
  }

  /** Starts to count. */
  watch(): void {
    const observer = new PerformanceObserver(list => this.add(list.getEntries().map(({ name }) => name)));
    observer.observe({ type: 'resource', buffered: true });
  }
}

export const requests = new Requests();
