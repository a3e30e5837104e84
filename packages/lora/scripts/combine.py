"""Asks Python peft's add_weighted_adapter what `combine` must give, and writes test/fixtures/combine.json."""

import json
import pathlib

import torch
from peft import LoraConfig, __version__, get_peft_model

OUT = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures' / 'combine.json'
ADAPTERS = {
    'first': dict(r=2, lora_alpha=3, target_modules=['fc1', 'fc2']),
    'second': dict(r=2, lora_alpha=8, target_modules=['fc1']),
    'third': dict(r=3, lora_alpha=3, target_modules=['fc1', 'fc2']),
}
CASES = [
    dict(adapters=['first', 'second'], weights=[0.75, -0.5], combination_type='linear'),
    dict(adapters=['first', 'second'], weights=[0.75, -0.5], combination_type='cat'),
    dict(adapters=['first', 'second', 'third'], weights=[1, 0.5, -2], combination_type='cat'),
    dict(adapters=['first', 'second', 'third'], weights=[1, 0.5, -2], combination_type='svd'),
    dict(adapters=['second', 'third'], weights=[1, 0.5], combination_type='svd', svd_rank=2),
    dict(adapters=['third'], weights=[-3], combination_type='svd'),
]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(5, 4)
        self.fc2 = torch.nn.Linear(4, 6)


def factors(model, name):
    layers = {key: getattr(model.base_model.model, key) for key in ['fc1', 'fc2']}
    return {
        key: {side: getattr(layer, f'lora_{side}')[name].weight.tolist() for side in 'AB'}
        for key, layer in layers.items()
        if name in getattr(layer, 'lora_A', {})
    }


torch.manual_seed(0)
model = None
for name, options in ADAPTERS.items():
    config = LoraConfig(**options)
    model = model or get_peft_model(Net(), config, name)
    if name not in model.peft_config:
        model.add_adapter(name, config)
for key, parameter in model.named_parameters():
    if 'lora_' in key:
        parameter.data = torch.randn_like(parameter)
cases = []
for i, case in enumerate(CASES):
    model.base_model.add_weighted_adapter(adapter_name=f'case{i}', **case)
    config = model.peft_config[f'case{i}']
    cases.append({**case, 'r': config.r, 'alpha': config.lora_alpha, 'factors': factors(model, f'case{i}')})
adapters = {name: {**ADAPTERS[name], 'factors': factors(model, name)} for name in ADAPTERS}
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({'peft': __version__, 'adapters': adapters, 'cases': cases}, separators=(',', ':')) + '\n')
