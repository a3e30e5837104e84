import { check, quote } from '@peft/core';

// A model is a configuration, and weights in one file or in several that an index names.
export const config = 'config.json';
export const single = 'model.safetensors';
export const index = 'model.safetensors.index.json';
/** Optional: transformers writes it, timm does not. */
export const processor = 'preprocessor_config.json';

/** Weights in formats that are not read: PyTorch's pickles, NumPy's, TensorFlow's and Flax's. */
const isForeign = (path: string): boolean => /\.(bin|pth?|ckpt|npz|h5|msgpack)$/.test(path);

/** The files of a revision to download; an index then names more. Refuses a revision without a configuration or safetensors. */
export function wantedFiles(files: readonly string[], name: string, what: string): readonly string[] {
  const weights = [single, index].find(path => files.includes(path));
  const missing = [files.includes(config) ? [] : config, weights ? [] : single].flat();
  check(missing.length === 0, 'missing', () => {
    const foreign = files.filter(isForeign);
    const has = files.length > 0 ? `it has ${files.slice(0, 12).map(quote).join(', ')}` : 'it is empty';
    const absent = `${what} has no ${missing.join(', ')}; ${has}.`;
    if (weights || foreign.length === 0) return absent;
    return `${absent} Convert its weights in Python, then open the folder: AutoModelForImageClassification.from_pretrained("${name}").save_pretrained("folder") with transformers, save_for_hf(create_model("hf-hub:${name}", pretrained=True), "folder", safe_serialization=True) with timm.`;
  });
  return [config, weights!, ...(files.includes(processor) ? [processor] : [])];
}
