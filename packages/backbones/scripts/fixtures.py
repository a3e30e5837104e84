"""Makes test/fixtures/*.safetensors: tiny random models of timm and transformers, with inputs and logits.

    PYTHON packages/backbones/scripts/fixtures.py SHARED/reference

PYTHON has torch, timm, transformers and safetensors; SHARED/reference holds timm_cpu.py, which lets timm run beside a
CPU-only torch. Each file holds a model's tensors under their own names and `reference.*` beside them.
"""
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
import timm_cpu  # noqa: E402, F401  isort: skip
import timm  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from timm.layers import resample_abs_pos_embed  # noqa: E402
from timm.models.swin_transformer import checkpoint_filter_fn  # noqa: E402
from transformers import (  # noqa: E402
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    Dinov2Config,
    Dinov2Model,
    SwinConfig,
    SwinForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

FOLDER = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures'


def shuffle(model):
    """Random values everywhere, so that nothing is zero, one, or equal to its neighbor by default."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.2 + (1 if name.endswith('norm.weight') or 'norm1.weight' in name else 0))
    return model.eval()


def pictures(height, width):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def write(name, tensors, reference, **metadata):
    tensors = {**tensors, **{f'reference.{key}': value for key, value in reference.items()}}
    file = FOLDER / f'{name}.safetensors'
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, file, {**metadata})
    print(f'{file.name}: {file.stat().st_size:,} bytes')


def timm_model(name, architecture, size=(16, 16), extra=None, **options):
    model = shuffle(timm.create_model(architecture, img_size=size, num_classes=5, **options))
    x = pictures(*size)
    with torch.no_grad():
        reference = {'input': x, 'logits': model(x), 'features': model.forward_head(model.forward_features(x), pre_logits=True)}
    write(name, model.state_dict(), {**reference, **(extra(model) if extra else {})})


def resampled(model):
    """The same weights for pictures that are larger one way and smaller the other."""
    size, grid = (28, 12), (7, 3)
    other = timm.create_model('vit_tiny_patch16_224', img_size=size, num_classes=5, **VIT).eval()
    state = model.state_dict()
    state['pos_embed'] = resample_abs_pos_embed(state['pos_embed'], grid, num_prefix_tokens=1)
    other.load_state_dict(state)
    x = pictures(*size)
    with torch.no_grad():
        return {'resampled.input': x, 'resampled.logits': other(x)}


VIT = dict(patch_size=4, embed_dim=32, depth=2, num_heads=4, mlp_ratio=2)
timm_model('timm-token', 'vit_tiny_patch16_224', extra=resampled, **VIT)
timm_model('timm-avg', 'vit_tiny_patch16_224', global_pool='avg', class_token=False, **VIT)
timm_model('timm-registers', 'vit_small_patch14_reg4_dinov2', global_pool='token', **{**VIT, 'init_values': 0.5})
timm_model('timm-distilled', 'deit_tiny_distilled_patch16_224', **VIT)
timm_model('timm-deit3', 'deit3_small_patch16_224', **{**VIT, 'init_values': 0.5})

SWIN = dict(patch_size=4, embed_dim=12, depths=(2, 2), num_heads=(2, 4), window_size=4, mlp_ratio=2)


def windowed(model):
    """The same weights for larger windows, and for pictures whose last stage has smaller ones, not square."""
    results = {}
    for name, size, window in (('larger', (48, 48), 6), ('smaller', (24, 16), 3), ('oblong', (32, 16), 4)):
        options = {**SWIN, 'window_size': window}
        other = timm.create_model('swin_tiny_patch4_window7_224', img_size=size, num_classes=5, **options).eval()
        other.load_state_dict(checkpoint_filter_fn(model.state_dict(), other))
        x = pictures(*size)
        with torch.no_grad():
            results.update({f'{name}.input': x, f'{name}.logits': other(x)})
    return results


timm_model('timm-swin', 'swin_tiny_patch4_window7_224', size=(32, 32), extra=windowed, **SWIN)
timm_model('timm-swin-odd', 'swin_tiny_patch4_window7_224', size=(28, 36), **SWIN)


def transformers_model(name, model, size):
    """As `save_pretrained` writes it, with the names that the modules have in memory beside it."""
    shuffle(model)
    x = pictures(size, size)
    with torch.no_grad():
        out = model(x)
    logits = out.logits if hasattr(out, 'logits') else out.pooler_output
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = load_file(f'{folder}/model.safetensors')
        config = json.loads((pathlib.Path(folder) / 'config.json').read_text())
    memory = model.state_dict()
    renamed = {old: next(new for new, value in memory.items() if torch.equal(value, saved[old])) for old in saved}
    assert len(set(renamed.values())) == len(saved)
    changed = {old: new for old, new in renamed.items() if old != new}
    write(name, saved, {'input': x, 'logits': logits}, config=json.dumps(config), renamed=json.dumps(changed))


HF = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4)
transformers_model('transformers-vit', ViTForImageClassification(ViTConfig(**HF, intermediate_size=64, num_labels=5)), 16)
teacher = DeiTForImageClassificationWithTeacher(DeiTConfig(**HF, intermediate_size=64, num_labels=5))
transformers_model('transformers-deit', teacher, 16)
transformers_model('transformers-dinov2', Dinov2Model(Dinov2Config(**HF, mlp_ratio=2)), 16)
swin = dict(image_size=32, patch_size=4, embed_dim=12, depths=[2, 1], num_heads=[2, 4], window_size=4, mlp_ratio=2)
transformers_model('transformers-swin', SwinForImageClassification(SwinConfig(**swin, num_labels=5)), 32)
