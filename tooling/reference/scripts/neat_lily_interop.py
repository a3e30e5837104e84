"""The cases of the NEAT and Lily interop tests, which interop.py makes and checks."""
from interop import main
from peft import LilyConfig, PeanutConfig

LINEAR = dict(target_modules=['qkv', 'proj', 'fc1', 'fc2'], exclude_modules=['patch_embed.proj'])
CASES = {
    'neat': PeanutConfig(r=5, target_modules=['qkv', 'fc1']),
    'neat-all': PeanutConfig(r=4, act_fn='gelu', scaling=0.5, modules_to_save=['head'], **LINEAR),
    'neat-deeper': PeanutConfig(
        r=5, depth=1, target_modules=['attn.qkv', 'fc2'], layers_to_transform=[0, 2], layers_pattern='blocks',
    ),
    'neat-deepest': PeanutConfig(r=3, depth=2, act_fn='silu', target_modules=r'blocks\.[01]\.(attn\.proj|mlp\.fc1)'),
    'neat-linear': PeanutConfig(r=3, act_fn='linear', scaling=2.0, target_modules=['fc1', 'fc2']),
    'lily': LilyConfig(r=5, target_modules=['qkv', 'fc1']),
    'lily-shared': LilyConfig(r=4, stride_A=2, num_B=3, scaling=0.5, modules_to_save=['head'], **LINEAR),
    'lily-expression': LilyConfig(r=3, stride_A=2, target_modules=r'blocks\.\d\.(attn\.(qkv|proj)|mlp\.fc2)'),
    'lily-all': LilyConfig(r=2, stride_A=3, num_B=4, scaling=2.0, **LINEAR),
}

if __name__ == '__main__':
    main(CASES)
