"""The cases of the Lily interop tests, which interop.py makes and checks."""
from interop import main
from peft import LilyConfig

LINEAR = dict(target_modules=['qkv', 'proj', 'fc1', 'fc2'], exclude_modules=['patch_embed.proj'])
CASES = {
    'vit/plain': LilyConfig(r=5, target_modules=['qkv', 'fc1']),
    'vit/shared': LilyConfig(r=4, stride_A=2, num_B=3, scaling=0.5, modules_to_save=['head'], **LINEAR),
    'vit/expression': LilyConfig(r=3, stride_A=2, target_modules=r'blocks\.\d\.(attn\.(qkv|proj)|mlp\.fc2)'),
    'vit/all': LilyConfig(r=2, stride_A=3, num_B=4, scaling=2.0, **LINEAR),
    'swin/plain': LilyConfig(r=5, target_modules=['qkv', 'fc1', 'reduction']),
    'swin/shared': LilyConfig(r=4, stride_A=2, num_B=3, scaling=0.5, modules_to_save=['head'], **LINEAR),
    'swin/expression': LilyConfig(
        r=3, stride_A=2, target_modules=r'layers\.\d\.blocks\.\d\.(attn\.(qkv|proj)|mlp\.fc2)',
    ),
    'hf-vit/plain': LilyConfig(r=5, num_B=3, target_modules=['k_proj', 'v_proj', 'fc1'], modules_to_save=['classifier']),
    'hf-swin/plain': LilyConfig(r=3, stride_A=2, target_modules=['k_proj', 'v_proj', 'fc1']),
}

if __name__ == '__main__':
    main(CASES)
