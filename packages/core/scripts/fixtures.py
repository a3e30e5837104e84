"""
Asks Python what core must agree with, and writes test/fixtures/*.json: which modules Hugging Face peft targets, how torch
rounds to half precision, what the safetensors writer writes.

    PEFT_SHARED=<folder with timm_cpu.py, if torch has no torchvision> python fixtures.py
"""

import base64
import json
import os
import pathlib
import sys

import numpy as np
import torch

if 'PEFT_SHARED' in os.environ:
    sys.path.insert(0, os.environ['PEFT_SHARED'])
    import timm_cpu  # noqa: F401
import timm
from peft import LoraConfig, __version__
from peft.tuners.tuners_utils import _ExcludedModule, _maybe_include_all_linear_layers, check_target_module_exists
from peft.utils.other import get_pattern_key
from safetensors.torch import save
from transformers import SwinConfig, SwinForImageClassification, ViTConfig, ViTForImageClassification

OUT = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures'

TINY = dict(hidden_size=16, num_attention_heads=2, intermediate_size=32, num_labels=3)
MODELS = {
    'timm vit': timm.create_model('vit_tiny_patch16_224', num_classes=3, depth=12, embed_dim=12),
    'timm swin': timm.create_model('swin_tiny_patch4_window7_224', num_classes=3, embed_dim=12),
    'transformers vit': ViTForImageClassification(ViTConfig(num_hidden_layers=3, **TINY)),
    'transformers swin': SwinForImageClassification(SwinConfig(embed_dim=12, depths=[1, 2], num_heads=[2, 2], num_labels=3)),
}

CONFIGS = [
    dict(target_modules=['qkv']),
    dict(target_modules=['attn.qkv', 'mlp.fc1']),
    dict(target_modules=['kv', 'c1', 'ttn.qkv', 'fc']),
    dict(target_modules=['q_proj', 'v_proj', 'query', 'value']),
    dict(target_modules=['blocks.1.attn.qkv', 'layers.1.blocks.0.mlp.fc2', 'head', 'classifier']),
    dict(target_modules=['proj']),
    dict(target_modules=['head', 'fc']),
    dict(target_modules=['1', 'reduction']),
    dict(target_modules=r'.*\.(qkv|q_proj)'),
    dict(target_modules=r'blocks\.(?:[02468]|1[01])\.attn\.qkv'),
    dict(target_modules=r'.*blocks\.(?P<index>\d)\..*fc1'),
    dict(target_modules=r'(?i).*\.QKV'),
    dict(target_modules=r'\A.*fc2\Z'),
    dict(target_modules='qkv'),
    dict(target_modules=r'.*attn\.(?!proj_drop)proj.*|head'),
    dict(target_modules='all-linear'),
    dict(target_modules='ALL-Linear', exclude_modules=['head', 'classifier', 'head.fc']),
    dict(target_modules='all-linear', modules_to_save=['head', 'classifier']),
    dict(target_modules='all-linear', exclude_modules=r'.*(mlp|head|classifier).*'),
    dict(target_modules=['qkv', 'fc1'], exclude_modules=['blocks.0.attn.qkv', 'mlp.fc1']),
    dict(target_modules=['qkv', 'fc1'], exclude_modules=['0.attn.qkv']),
    dict(target_modules=['qkv', 'fc1'], exclude_modules=r'.*blocks\.[3-9].*'),
    dict(target_modules=['qkv', 'fc1'], exclude_modules=r'blocks'),
    dict(target_modules=['qkv', 'fc1'], exclude_modules=[]),
    dict(target_modules=['fc', 'fc1', 'head', 'classifier', 'qkv'], modules_to_save=['head', 'classifier']),
    dict(target_modules=['fc1', 'qkv', 'q_proj'], modules_to_save=['blocks.1', 'layers.1']),
    dict(target_modules=['fc1', 'qkv'], modules_to_save=['mlp', 'lock']),
    dict(target_modules=['qkv', 'q_proj', 'query', 'fc1'], layers_to_transform=1),
    dict(target_modules=['qkv', 'q_proj', 'query', 'fc1'], layers_to_transform=[0, 2]),
    dict(target_modules=['qkv', 'fc1'], layers_to_transform=[]),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[0, 1, 11], layers_pattern='blocks'),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[0], layers_pattern=['layers']),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[1], layers_pattern=['blocks', 'layers']),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[1], layers_pattern=['layers', 'blocks']),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[1], layers_pattern=['block', 'layer']),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[1], layers_pattern=''),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[1], layers_pattern=[]),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[2], layers_pattern=r'(?:blocks|layers)'),
    dict(target_modules=['qkv', 'fc1', 'q_proj'], layers_to_transform=[2], layers_pattern=r'blocks|layers'),
    dict(target_modules=['blocks.0.attn.qkv', 'fc1'], layers_to_transform=[2], layers_pattern='blocks'),
    dict(target_modules=['qkv', 'fc1'], layers_to_transform=[1, 2], layers_pattern='blocks', exclude_modules=['2.mlp.fc1']),
]

PATTERNS = [
    {'qkv': 4, 'fc1': 2},
    {r'blocks\.0\..*': 16, 'qkv': 4},
    {'qkv': 4, r'blocks\.0\..*': 16},
    {r'.*\.fc1': 3, 'c1': 9, 'mlp.fc2': 5},
    {'attn.qkv|fc2': 7},
    {'^head$': 1, 'fc': 2},
    {r'[01]\.attn\.(qkv|proj)': 6, r'layers.1.*': 8},
    {'blocks.1.attn.qkv': 12, 'layers.1.blocks.0.attn.qkv': 13, 'vit.layers.1.attention.q_proj': 14},
    {'l': 1, 'blocks': 2},
]


def matched(name, options):
    model = MODELS[name]
    config = _maybe_include_all_linear_layers(LoraConfig(**options), model)
    for key, _ in model.named_modules():
        found = key and check_target_module_exists(config, key)
        if found and not isinstance(found, _ExcludedModule):
            yield key


def targets():
    paths = {name: [key for key, _ in model.named_modules() if key] for name, model in MODELS.items()}
    indices = {name: {key: i for i, key in enumerate(keys)} for name, keys in paths.items()}
    return {
        'peft': __version__,
        'models': {
            name: {
                'paths': keys,
                'linear': [indices[name][key] for key, m in MODELS[name].named_modules() if isinstance(m, torch.nn.Linear)],
            }
            for name, keys in paths.items()
        },
        'configs': [
            {'config': options, 'matches': {name: [indices[name][key] for key in matched(name, options)] for name in MODELS}}
            for options in CONFIGS
        ],
        'patterns': [
            {
                'pattern': pattern,
                'values': {name: [pattern.get(get_pattern_key(pattern.keys(), key), 0) for key in keys] for name, keys in paths.items()},
            }
            for pattern in PATTERNS
        ],
    }


def encode(data):
    return base64.b64encode(data).decode()


def rounding():
    """Every kind of float32, by its bits: normal, subnormal in half precision, halfway, overflowing, infinite, nan."""
    rng = np.random.default_rng(0)
    halves = np.arange(0, 0x7c00, 97, dtype=np.uint16).view(np.float16).astype(np.float64)
    following = np.nextafter(halves.astype(np.float16), np.float16(np.inf)).astype(np.float64)
    ties = ((halves + following) / 2)[:-1].astype(np.float32)
    brains = (rng.integers(0, 0x7f80, 200, dtype=np.uint32) << 16) | 0x8000
    special = [0, 1, 0x7fffff, 0x800000, 0x33000000, 0x33000001, 0x387fc000, 0x387fe000, 0x38800000, 0x477fe000, 0x477fefff, 0x477ff000,
               0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000]
    bits = np.concatenate([
        np.array(special, np.uint32), ties.view(np.uint32), ties.view(np.uint32) + 1, ties.view(np.uint32) - 1, brains, brains + 1,
        rng.integers(0, 0x7f800000, 400, dtype=np.uint32), rng.integers(0x32000000, 0x48000000, 400, dtype=np.uint32),
    ])
    bits = np.concatenate([bits, bits | 0x80000000]).astype(np.uint32)
    values = torch.from_numpy(bits.view(np.float32))
    as_bits = lambda dtype: values.to(dtype).view(torch.int16).numpy().tobytes()
    return {'torch': torch.__version__, 'bits': encode(bits.tobytes()), 'F16': encode(as_bits(torch.float16)), 'BF16': encode(as_bits(torch.bfloat16))}


def written():
    numbers = torch.arange(6, dtype=torch.float32).reshape(2, 3) - 2.5
    tensors = {
        'b.weight': numbers,
        'a.weight': numbers.half(),
        'z': numbers.bfloat16(),
        '10': numbers[:1].clone(),
        '9': torch.tensor(3.25),
        'empty': torch.zeros(0, 4),
        'é "quoted"\n': numbers[1].clone(),
        'long': torch.tensor([-1, 2**31 - 1]),
        'int': torch.tensor([7, -7], dtype=torch.int32),
        'byte': torch.tensor([[255], [3]], dtype=torch.uint8),
        'flag': torch.tensor([True, False, True]),
    }
    files = {'tensors': save(tensors, {'format': 'pt'}), 'no tensors': save({}, {'format': 'pt'}), 'no metadata': save({'a': numbers})}
    return {name: encode(data) for name, data in files.items()}


OUT.mkdir(parents=True, exist_ok=True)
for name, content in {'targets': targets(), 'files': {'rounding': rounding(), 'safetensors': written()}}.items():
    (OUT / f'{name}.json').write_text(json.dumps(content, separators=(',', ':')) + '\n')
