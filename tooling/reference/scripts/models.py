"""Real timm models of folders in the layout of its Hub: config.json, and model.safetensors where there are weights.

PEFT_SHARED names the folder that has reference/timm_cpu.py, which makes timm work beside a CPU-only torch.
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu  # noqa: F401
import timm
from safetensors.torch import load_file


def build(folder):
    config = json.loads((folder / 'config.json').read_text())
    model = timm.create_model(config['architecture'], num_classes=config['num_classes'], **config['model_args'])
    weights = folder / 'model.safetensors'
    if weights.exists():
        model.load_state_dict(load_file(weights))
    return model.eval()
