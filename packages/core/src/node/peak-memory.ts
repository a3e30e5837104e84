import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has held since it began, in bytes.
 *
 * On Linux what `getrusage` tells begins with what the parent held when it started this process, so it is asked of `/proc`.
 */
export function peakMemory(): number {
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(status) ?? [];
  return 1024 * (kibibytes ? Number(kibibytes) : process.resourceUsage().maxRSS);
}
