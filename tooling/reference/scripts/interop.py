"""The Python side of the interop tests: real timm, real Hugging Face peft. For a script METHOD with cases MODEL/NAME:

    python METHOD_interop.py make DIR          random models DIR/MODEL/base; by case an adapter, its logits and twelve
                                               AdamW losses
    python METHOD_interop.py check DIR GLOB    loads what TypeScript wrote to DIR/GLOB, and writes its logits beside it

A MODEL is one of ../models, as timm or transformers describes it.
"""
import pathlib
import shutil
import sys
import warnings

from models import build, logits_of, save_base
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).parent.parent / 'models'
PREFIXES = ('lora_', 'peanut_', 'lily_')
UNMERGEABLE = ('LILY',)


def make_base(folder, model):
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    shutil.copy(MODELS / f'{model}.json', folder / 'config.json')
    base = build(folder)
    with torch.no_grad():
        for parameter in base.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    save_base(base, folder)


def make_case(folder, base, config, images, labels):
    torch.manual_seed(1)
    model = get_peft_model(base, config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if any(prefix in key for prefix in PREFIXES):
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder / 'theirs')
    model.eval()
    results = {'logits': logits_of(model, images).detach()}
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-2, weight_decay=1e-2)
    losses = []
    for _ in range(12):
        loss = torch.nn.functional.cross_entropy(logits_of(model, images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    results['losses'] = torch.tensor(losses)
    results['trained'] = logits_of(model, images).detach()
    save_file(results, folder / 'results.safetensors')
    print(folder.parent.name, folder.name, losses[0], losses[-1])


def make(folder, cases):
    for model in {case.split('/')[0] for case in cases}:
        make_base(folder / model / 'base', model)
    torch.manual_seed(2)
    images, labels = torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 3, 4, 0])
    save_file({'images': images, 'labels': labels.int()}, folder / 'data.safetensors')
    for case, config in cases.items():
        make_case(folder / case, build((folder / case).parent / 'base'), config, images, labels)


def check(folder, pattern):
    warnings.simplefilter('error')
    images = load_file(folder / 'data.safetensors')['images']
    for ours in sorted(path for path in folder.glob(pattern) if path.is_dir()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            model = PeftModel.from_pretrained(build(ours.parent.parent / 'base'), str(ours)).eval()
            results = {'logits': logits_of(model, images).detach()}
            if model.active_peft_config.peft_type not in UNMERGEABLE:
                results['merged'] = logits_of(model.merge_and_unload(), images).detach()
        if caught:
            raise SystemExit(f'{ours}: ' + '; '.join(str(warning.message) for warning in caught))
        save_file(results, ours.with_name(f'{ours.name}.checked.safetensors'))
        print(ours.relative_to(folder), 'loads without a warning')


def main(cases):
    command, folder, *pattern = sys.argv[1:]
    if command == 'make':
        make(pathlib.Path(folder), cases)
    else:
        check(pathlib.Path(folder), *pattern)
