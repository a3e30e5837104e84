import { createBackbone, loadBackbone, zoo } from '@peft/backbones';
import { check, PeftError, parseSafetensors, type Safetensors } from '@peft/core';

function fits(name: string, tensors: Safetensors, source: string): boolean {
  try {
    loadBackbone(createBackbone(name), tensors, source, { newHead: true }); // reads no numbers
    return true;
  } catch (error) {
    if (error instanceof PeftError) return false;
    throw error;
  }
}

/**
 * The names of the zoo that a file of weights fits, those first that the file's name has in it.
 *
 * @throws PeftError `bad-file` for a file that is no safetensors, `no-match` for weights of no backbone here
 */
export async function recognize(file: File): Promise<string[]> {
  const tensors = parseSafetensors(new Uint8Array(await file.arrayBuffer()), file.name);
  const names = Object.keys(zoo).filter(name => fits(name, tensors, file.name));
  check(names.length > 0, 'no-match', () => {
    return `${file.name} has the weights of none of the ${Object.keys(zoo).length} models here: ViT, DeiT, DINOv2 and Swin, as timm or transformers save them.`;
  });
  const shared = (name: string): number => (file.name.includes(name) ? name.length : 0);
  return names.sort((a, b) => shared(b) - shared(a));
}
