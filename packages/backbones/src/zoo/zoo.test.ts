import { expect, test } from 'vitest';
import { lookupBackbone, zoo } from './zoo.ts';

test('tags of timm choose the head of their pretraining', () => {
  expect(lookupBackbone('vit_base_patch16_224.augreg_in21k_ft_in1k')).toBe(zoo.vit_base_patch16_224);
  expect(lookupBackbone('vit_base_patch16_224.augreg_in21k')).toBe(zoo.vit_base_patch16_224_in21k);
  expect(lookupBackbone('swin_base_patch4_window7_224.ms_in22k')).toBe(zoo.swin_base_patch4_window7_224_in22k);
  expect(lookupBackbone('deit_tiny_patch16_224.fb_in1k')).toBe(zoo.deit_tiny_patch16_224);
});

test('an unknown name is answered with the closest', () => {
  expect(() => lookupBackbone('deit_smal_patch16_224')).toThrow(
    'There is no backbone "deit_smal_patch16_224" among the 58 known; closest: deit_small_patch16_224,',
  );
});
