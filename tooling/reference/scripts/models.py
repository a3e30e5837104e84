"""Real models of timm and of transformers, of folders in the layout of the Hub: config.json, and model.safetensors where
there are weights.

PEFT_SHARED names the folder that has reference/timm_cpu.py, which makes timm work beside a CPU-only torch.
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu  # noqa: F401
import timm
import torch
import transformers
from safetensors.torch import load_file, save_file


def build(folder):
    config = json.loads((folder / 'config.json').read_text())
    if 'model_type' in config:
        return build_transformers(folder)
    model = timm.create_model(config['architecture'], num_classes=config['num_classes'], **config['model_args'])
    weights = folder / 'model.safetensors'
    if weights.exists():
        model.load_state_dict(load_file(weights))
    return model.eval()


def build_transformers(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    kind = getattr(transformers, config.architectures[0])
    if (folder / 'model.safetensors').exists():
        return kind.from_pretrained(folder).eval()
    return kind(config).eval()


def logits_of(model, images):
    """The logits; the class token of a model without a head."""
    y = model(images)
    return y if isinstance(y, torch.Tensor) else y.logits if 'logits' in y else y.pooler_output.contiguous()


def save_base(model, folder):
    if hasattr(model, 'save_pretrained'):
        model.save_pretrained(folder)
    else:
        save_file(model.state_dict(), folder / 'model.safetensors')
