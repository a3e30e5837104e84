/** Whether an address is a file of this page, or data that never leaves the machine. */
export function isOwn(address: string, page: string): boolean {
  const url = new URL(address, page);
  if (url.protocol === 'blob:' || url.protocol === 'data:') return true;
  return url.href.startsWith(new URL('./', page).href) && url.search === '';
}
