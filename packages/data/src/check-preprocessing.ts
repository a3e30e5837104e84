import { closest, type Interpolation, PeftError, type Preprocessing, quote } from '@peft/core';

const interpolations: readonly Interpolation[] = ['bicubic', 'bilinear', 'lanczos', 'box', 'nearest'];
const cropModes: readonly Preprocessing['cropMode'][] = ['center', 'squash', 'border'];

/** Sides of the input, in pixels. */
const maxSide = 4096;
/** Sides of the resized picture before the crop, in pixels. */
const maxResized = 8192;

const cropPcts = { least: 0.1, most: 4 };
/** By channel, for values in 0..1. Some models use a std of 1/255. */
const means = { least: -2, most: 2 };
const stds = { least: 1e-4, most: 4 };

interface Range {
  readonly least: number;
  readonly most: number;
}

const within = (value: unknown, { least, most }: Range): boolean =>
  typeof value === 'number' && value >= least && value <= most;

function oneOf(field: string, value: unknown, allowed: readonly string[]): string | undefined {
  if (typeof value === 'string' && allowed.includes(value)) return undefined;
  const hint = typeof value === 'string' ? `; closest: ${closest(value.slice(0, 40).toLowerCase(), allowed)}` : '';
  return `${field} is ${quote(value)}; allowed are ${allowed.join(', ')}${hint}`;
}

function channels(field: string, value: unknown, range: Range): string | undefined {
  if (Array.isArray(value) && value.length === 3 && value.every(entry => within(entry, range))) return undefined;
  const scaled =
    Array.isArray(value) && value.some(entry => typeof entry === 'number' && entry > range.most && entry <= 255);
  const hint = scaled ? '; if it is for values in 0..255, divide by 255' : '';
  return `${field} is ${quote(value)}; needed are three numbers from ${range.least} to ${range.most}, for values in 0..1${hint}`;
}

function inputSize(value: unknown): string | undefined {
  const isSide = (side: unknown): boolean => Number.isInteger(side) && within(side, { least: 1, most: maxSide });
  if (Array.isArray(value) && value.length === 3 && value[0] === 3 && isSide(value[1]) && isSide(value[2]))
    return undefined;
  return `inputSize is ${quote(value)}; needed is [3, H, W] of integers up to ${maxSide}`;
}

function cropPct(value: unknown, sides: unknown): string | undefined {
  const side = Array.isArray(sides) && within(sides[1], { least: 1, most: maxSide }) ? Math.max(sides[1], sides[2]) : 1;
  const range = { least: Math.max(cropPcts.least, side / maxResized), most: Math.min(cropPcts.most, side) };
  if (within(value, range)) return undefined;
  const nearest =
    typeof value === 'number' && !Number.isNaN(value) ? Math.min(range.most, Math.max(range.least, value)) : 1;
  return `cropPct is ${quote(value)}; allowed is ${range.least} to ${range.most}; closest: ${nearest}`;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
 * Checks the type and range of every field of a preprocessing from a file or a caller.
 *
 * @param source the file's name, for errors
 * @throws PeftError `bad-config` that names all fields that are wrong, and the closest value that is allowed
 */
export function checkPreprocessing(value: unknown, source = 'preprocessing'): Preprocessing {
  if (!isObject(value)) throw new PeftError('bad-config', `${source}: ${quote(value)} is not a preprocessing.`);
  const problems = [
    inputSize(value.inputSize),
    oneOf('interpolation', value.interpolation, interpolations),
    cropPct(value.cropPct, value.inputSize),
    oneOf('cropMode', value.cropMode, cropModes),
    channels('mean', value.mean, means),
    channels('std', value.std, stds),
  ].filter(problem => problem !== undefined);
  if (problems.length > 0) throw new PeftError('bad-config', `${source}: ${problems.join('; ')}.`);
  return value as unknown as Preprocessing;
}

/** Checks a preprocessing and returns its height and width. */
export function targetSize(preprocessing: Preprocessing): { height: number; width: number } {
  const [, height, width] = checkPreprocessing(preprocessing).inputSize;
  return { height, width };
}
