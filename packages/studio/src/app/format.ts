/** `1,234` */
export const count = (value: number): string => value.toLocaleString('en-US');

/** `92.4 %` */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;

const units = ['B', 'KB', 'MB', 'GB'] as const;

/** `1.4 MB` */
export function bytes(value: number): string {
  const step = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** `1 min 20 s` */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const pictures = (amount: number): string => (amount === 1 ? 'picture' : 'pictures');

/** `1,500 pictures` */
export const countPictures = (amount: number): string => `${count(amount)} ${pictures(amount)}`;
