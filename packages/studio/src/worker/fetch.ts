import { check } from '@peft/core';

/**
 * The bytes of a file of this page.
 *
 * @throws PeftError `missing` where the server does not give it
 */
export async function fetchBytes(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  check(response.ok, 'missing', () => `${url.pathname} cannot be loaded (${response.status}); serve the whole folder.`);
  return new Uint8Array(await response.arrayBuffer());
}
