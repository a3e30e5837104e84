import { check, type Json, type JsonObject } from '@peft/core';

/** Reads `--set k=v`: v as JSON if it is JSON, else as text. */
export function parseSettings(settings: string[]): JsonObject {
  const pairs = settings.map(setting => {
    const at = setting.indexOf('=');
    check(at > 0, 'bad-argument', () => `--set takes name=value, not "${setting}".`);
    const text = setting.slice(at + 1);
    try {
      return [setting.slice(0, at), JSON.parse(text) as Json];
    } catch {
      return [setting.slice(0, at), text];
    }
  });
  return Object.fromEntries(pairs);
}
