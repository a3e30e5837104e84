"""The cases of the LoRA interop tests, which interop.py makes and checks."""
from interop import main
from peft import LoraConfig

LINEAR = dict(target_modules=['qkv', 'proj', 'fc1', 'fc2', 'reduction'], exclude_modules=['patch_embed.proj'])
CASES = {
    'vit/plain': dict(r=5, lora_alpha=7, target_modules=['qkv']),
    'vit/head': dict(r=5, lora_alpha=10, target_modules=['attn.qkv', 'fc1'], modules_to_save=['head']),
    'vit/rslora-patterns': dict(
        r=4, lora_alpha=6, use_rslora=True,
        target_modules=['qkv', 'proj', 'fc1', 'fc2'], exclude_modules=['patch_embed.proj'],
        rank_pattern={'blocks.0.attn.qkv': 3, 'fc1': 7}, alpha_pattern={r'blocks\.1\..*\.fc2': 9},
    ),
    'vit/regex': dict(r=3, target_modules=r'blocks\.[01]\.(attn\.proj|mlp\.fc2)'),
    'vit/dora': dict(r=5, lora_alpha=7, use_dora=True, target_modules=['qkv', 'fc2']),
    'vit/bias-all': dict(r=3, bias='all', target_modules=['qkv']),
    'vit/bias-adapted': dict(r=3, bias='lora_only', target_modules=['qkv'], modules_to_save=['head']),
    'vit/bias-all-head': dict(r=3, bias='all', target_modules=['qkv'], modules_to_save=['head']),
    'vit/save-unknown': dict(r=3, target_modules=['qkv'], modules_to_save=['classifier', 'head']),
    'vit/convolution': dict(r=3, lora_alpha=5, target_modules=['qkv', 'proj'], modules_to_save=['head']),
    'vit/pissa': dict(r=3, lora_alpha=5, init_lora_weights='pissa', target_modules=['qkv', 'fc1']),
    'swin/plain': dict(r=5, lora_alpha=7, target_modules=['qkv']),
    'swin/all-head': dict(
        r=4, lora_alpha=6, modules_to_save=['head'],
        rank_pattern={'layers.1.blocks.0.attn.qkv': 3, 'fc1': 7}, alpha_pattern={r'layers\.1\..*\.fc2': 9}, **LINEAR,
    ),
    'swin/dora-convolution': dict(r=3, use_dora=True, bias='lora_only', target_modules=['qkv', 'proj']),
    'swin/dora-merging': dict(r=3, use_dora=True, bias='lora_only', target_modules=['attn.qkv', 'reduction']),
    'hf-vit/plain': dict(r=5, lora_alpha=7, target_modules=['q_proj', 'v_proj']),
    'hf-vit/head': dict(r=4, target_modules=['k_proj', 'mlp.fc1'], modules_to_save=['classifier']),
    'hf-vit/patterns': dict(
        r=4, lora_alpha=6, target_modules=['q_proj', 'v_proj', 'o_proj', 'fc1', 'fc2'],
        rank_pattern={'q_proj': 3, r'layers\.0\.mlp\.fc1': 6}, alpha_pattern={'v_proj': 9},
    ),
    'hf-vit/layers': dict(r=3, target_modules=['q_proj', 'o_proj'], layers_to_transform=[0, 2]),
    'hf-vit/regex': dict(r=3, target_modules=r'.*\.layers\.[01]\.(attention\.v_proj|mlp\.fc2)'),
    'hf-vit/dora': dict(r=5, use_dora=True, target_modules=['q_proj', 'v_proj', 'fc2']),
    'hf-vit/bias-all-head': dict(r=3, bias='all', target_modules=['q_proj'], modules_to_save=['classifier']),
    'hf-vit/bias-adapted': dict(r=3, bias='lora_only', target_modules=['q_proj', 'v_proj']),
    'hf-vit/pissa': dict(r=3, init_lora_weights='pissa', target_modules=['q_proj', 'fc1']),
    'hf-swin/plain': dict(r=5, lora_alpha=7, target_modules=['q_proj', 'v_proj', 'fc1'], modules_to_save=['classifier']),
    'hf-dinov2/plain': dict(r=5, lora_alpha=7, target_modules=['q_proj', 'v_proj', 'fc1']),
}

if __name__ == '__main__':
    main({name: LoraConfig(**arguments) for name, arguments in CASES.items()})
