"""Loads the LoRA adapter FOLDER/ours, which TypeScript wrote, and writes one of Python's to FOLDER/theirs.

    python round_trip.py FOLDER        needs torch, timm, peft and safetensors
"""
import json
import pathlib
import sys

import timm
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

folder = pathlib.Path(sys.argv[1])
images = load_file(folder / 'pictures.safetensors')['images'].permute(0, 3, 1, 2)


def base():
    config = json.loads((folder / 'base/config.json').read_text())
    model = timm.create_model(config['architecture'], num_classes=config['num_classes'], **config['model_args'])
    model.load_state_dict(load_file(folder / 'base/model.safetensors'))
    return model.eval()


def show(label, model):
    with torch.no_grad():
        print(f'{label}: {model.eval()(images).tolist()}')


show('logits of ours, in Python', PeftModel.from_pretrained(base(), folder / 'ours'))

torch.manual_seed(0)
config = LoraConfig(r=4, lora_alpha=16, target_modules=['attn.qkv', 'attn.proj'], init_lora_weights=False)
theirs = get_peft_model(base(), config)  # random values stand for a training
theirs.save_pretrained(folder / 'theirs')
show('logits of theirs, in Python', theirs)
