import { readFileSync } from 'node:fs';

/**
 * The peak memory of this process, in bytes.
 *
 * On Linux it is read from `/proc`, since `getrusage` starts from the memory of the parent process.
 */
export function peakMemory(): number {
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(status) ?? [];
  return 1024 * (kibibytes ? Number(kibibytes) : process.resourceUsage().maxRSS);
}
