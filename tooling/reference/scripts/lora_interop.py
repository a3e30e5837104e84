"""The cases of the LoRA interop tests, which interop.py makes and checks."""
from interop import main
from peft import LoraConfig

CASES = {
    'plain': dict(r=5, lora_alpha=7, target_modules=['qkv']),
    'head': dict(r=5, lora_alpha=10, target_modules=['attn.qkv', 'fc1'], modules_to_save=['head']),
    'rslora-patterns': dict(
        r=4, lora_alpha=6, use_rslora=True,
        target_modules=['qkv', 'proj', 'fc1', 'fc2'], exclude_modules=['patch_embed.proj'],
        rank_pattern={'blocks.0.attn.qkv': 3, 'fc1': 7}, alpha_pattern={r'blocks\.1\..*\.fc2': 9},
    ),
    'regex': dict(r=3, target_modules=r'blocks\.[01]\.(attn\.proj|mlp\.fc2)'),
    'dora': dict(r=5, lora_alpha=7, use_dora=True, target_modules=['qkv', 'fc2']),
    'bias-all': dict(r=3, bias='all', target_modules=['qkv']),
    'bias-adapted': dict(r=3, bias='lora_only', target_modules=['qkv'], modules_to_save=['head']),
    'pissa': dict(r=3, lora_alpha=5, init_lora_weights='pissa', target_modules=['qkv', 'fc1']),
}

if __name__ == '__main__':
    main({name: LoraConfig(**arguments) for name, arguments in CASES.items()})
