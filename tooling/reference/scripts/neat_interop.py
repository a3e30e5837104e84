"""The cases of the NEAT interop tests, which interop.py makes and checks."""
from interop import main
from peft import PeanutConfig

LINEAR = dict(target_modules=['qkv', 'proj', 'fc1', 'fc2'], exclude_modules=['patch_embed.proj'])
CASES = {
    'vit/plain': PeanutConfig(r=5, target_modules=['qkv', 'fc1']),
    'vit/all': PeanutConfig(r=4, act_fn='gelu', scaling=0.5, modules_to_save=['head'], **LINEAR),
    'vit/deeper': PeanutConfig(
        r=5, depth=1, target_modules=['attn.qkv', 'fc2'], layers_to_transform=[0, 2], layers_pattern='blocks',
    ),
    'vit/deepest': PeanutConfig(r=3, depth=2, act_fn='silu', target_modules=r'blocks\.[01]\.(attn\.proj|mlp\.fc1)'),
    'vit/linear': PeanutConfig(r=3, act_fn='linear', scaling=2.0, target_modules=['fc1', 'fc2']),
    'swin/plain': PeanutConfig(r=5, target_modules=['qkv', 'fc1', 'reduction']),
    'swin/deeper-all': PeanutConfig(r=4, depth=1, act_fn='gelu', scaling=2.0, modules_to_save=['head.fc'], **LINEAR),
    'swin/deeper-some': PeanutConfig(
        r=3, depth=1, target_modules=['attn.qkv', 'fc2'], layers_to_transform=[1, 2], layers_pattern='blocks',
    ),
    'hf-vit/plain': PeanutConfig(r=5, depth=1, target_modules=['q_proj', 'v_proj', 'fc1'], modules_to_save=['classifier']),
    'hf-swin/plain': PeanutConfig(r=3, target_modules=['q_proj', 'v_proj', 'fc1']),
}

if __name__ == '__main__':
    main(CASES)
