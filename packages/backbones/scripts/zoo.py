"""Writes test/fixtures/zoo.json: what timm says of the models of the zoo, and of those named.

    PYTHON packages/backbones/scripts/zoo.py SHARED/reference [NAME ...]

PYTHON has torch and timm; SHARED/reference holds timm_cpu.py, which lets timm run beside a CPU-only torch.
"""
import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
import timm_cpu  # noqa: E402, F401  isort: skip
import timm  # noqa: E402
import torch  # noqa: E402

PATH = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures' / 'zoo.json'


def described(name):
    """timm keeps what once was a suffix of the name as a tag."""
    tags = {'_in21k': '.orig_in21k' if 'large_patch32' in name else '.augreg_in21k', '_in22k': '.ms_in22k'}
    for suffix, tag in tags.items():
        if name.endswith(suffix):
            name = name.removesuffix(suffix) + tag
    with torch.device('meta'):
        model = timm.create_model(name)
    data = timm.data.resolve_data_config(pretrained_cfg=timm.models.get_pretrained_cfg(name).to_dict())
    return {
        'parameters': sum(parameter.numel() for parameter in model.parameters()),
        'classes': model.num_classes,
        'preprocessing': {
            'inputSize': data['input_size'],
            'interpolation': data['interpolation'],
            'cropPct': data['crop_pct'],
            'cropMode': data['crop_mode'],
            'mean': data['mean'],
            'std': data['std'],
        },
    }


names = [*json.loads(PATH.read_text()), *sys.argv[2:]]
zoo = {name: described(name) for name in dict.fromkeys(names)}
PATH.write_text(json.dumps(zoo, indent=1) + '\n')
print(f'zoo.json: {len(zoo)} models')
