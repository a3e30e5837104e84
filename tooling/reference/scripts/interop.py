"""The Python side of the interop tests: real timm, real Hugging Face peft. For a script METHOD with named cases:

    python METHOD_interop.py make DIR          a random ViT; by case an adapter, its logits and twelve AdamW losses
    python METHOD_interop.py check DIR GLOB    loads what TypeScript wrote to DIR/GLOB, and writes its logits beside it

PEFT_SHARED names the folder that has reference/timm_cpu.py, which makes timm work beside a CPU-only torch.
"""
import json
import os
import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu  # noqa: F401
import timm
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

ARGS = dict(img_size=16, patch_size=4, embed_dim=24, depth=3, num_heads=3, mlp_ratio=2)
PREFIXES = ('lora_', 'peanut_', 'lily_')
UNMERGEABLE = ('LILY',)


def base_model(folder):
    model = timm.create_model('vit_tiny_patch16_224', num_classes=5, **ARGS)
    if folder is not None:
        model.load_state_dict(load_file(folder / 'base' / 'model.safetensors'))
    return model.eval()


def make(folder, cases):
    torch.manual_seed(0)
    model = base_model(None)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    (folder / 'base').mkdir(parents=True)
    save_file(model.state_dict(), folder / 'base' / 'model.safetensors')
    config = {'architecture': 'vit_tiny_patch16_224', 'num_classes': 5, 'model_args': ARGS,
              'pretrained_cfg': {'input_size': [3, 16, 16], 'mean': [0.5] * 3, 'std': [0.5] * 3}}
    (folder / 'base' / 'config.json').write_text(json.dumps(config))
    images, labels = torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 3, 4, 0])
    save_file({'images': images, 'labels': labels.int()}, folder / 'data.safetensors')
    for name, config in cases.items():
        torch.manual_seed(1)
        peft_model = get_peft_model(base_model(folder), config)
        with torch.no_grad():
            for key, parameter in peft_model.named_parameters():
                if any(prefix in key for prefix in PREFIXES):
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        peft_model.save_pretrained(folder / name / 'theirs')
        peft_model.eval()
        results = {'logits': peft_model(images).detach()}
        trainable = [p for p in peft_model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trainable, lr=1e-2, weight_decay=1e-2)
        losses = []
        for _ in range(12):
            loss = torch.nn.functional.cross_entropy(peft_model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        results['losses'] = torch.tensor(losses)
        results['trained'] = peft_model(images).detach()
        save_file(results, folder / name / 'results.safetensors')
        print(name, losses[0], losses[-1])


def check(folder, pattern):
    warnings.simplefilter('error')
    images = load_file(folder / 'data.safetensors')['images']
    for ours in sorted(path for path in folder.glob(pattern) if path.is_dir()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            model = PeftModel.from_pretrained(base_model(folder), str(ours)).eval()
            results = {'logits': model(images).detach()}
            if model.active_peft_config.peft_type not in UNMERGEABLE:
                results['merged'] = model.merge_and_unload()(images).detach()
        if caught:
            raise SystemExit(f'{ours}: ' + '; '.join(str(warning.message) for warning in caught))
        save_file(results, ours.with_name(f'{ours.name}.checked.safetensors'))
        print(ours.name, 'of', ours.parent.name, 'loads without a warning')


def main(cases):
    command, folder, *pattern = sys.argv[1:]
    if command == 'make':
        make(pathlib.Path(folder), cases)
    else:
        check(pathlib.Path(folder), *pattern)
