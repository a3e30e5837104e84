"""The Python side of the LoRA interop tests: real timm, real Hugging Face peft.

    python lora_interop.py make DIR     a random ViT, and for each case an adapter, its logits and twelve AdamW losses
    python lora_interop.py check DIR    loads what TypeScript wrote to DIR/CASE/ours, and writes its logits beside it

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
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

ARGS = dict(img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=3, mlp_ratio=2)
CASES = {
    'plain': dict(r=5, lora_alpha=7, target_modules=['qkv']),
    'head': dict(r=5, lora_alpha=10, target_modules=['attn.qkv', 'fc1'], modules_to_save=['head']),
    'rslora-patterns': dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules=['qkv', 'proj', 'fc1', 'fc2'], exclude_modules=['patch_embed.proj'],
        rank_pattern={'blocks.0.attn.qkv': 3, 'fc1': 7}, alpha_pattern={r'blocks\.1\..*\.fc2': 9},
    ),
    'regex': dict(r=3, target_modules=r'blocks\.[01]\.(attn\.proj|mlp\.fc2)'),
    'dora': dict(r=5, lora_alpha=7, use_dora=True, target_modules=['qkv', 'fc2']),
    'bias-all': dict(r=3, bias='all', target_modules=['qkv']),
    'bias-adapted': dict(r=3, bias='lora_only', target_modules=['qkv'], modules_to_save=['head']),
    'pissa': dict(r=3, lora_alpha=5, init_lora_weights='pissa', target_modules=['qkv', 'fc1']),
}


def base_model(folder):
    model = timm.create_model('vit_tiny_patch16_224', num_classes=5, **ARGS)
    if folder is not None:
        model.load_state_dict(load_file(folder / 'base' / 'model.safetensors'))
    return model.eval()


def make(folder):
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
    for name, arguments in CASES.items():
        torch.manual_seed(1)
        peft_model = get_peft_model(base_model(folder), LoraConfig(**arguments))
        with torch.no_grad():
            for key, parameter in peft_model.named_parameters():
                if 'lora_' in key:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        peft_model.save_pretrained(folder / name / 'theirs')
        peft_model.eval()
        results = {'logits': peft_model(images).detach()}
        optimizer = torch.optim.AdamW([p for p in peft_model.parameters() if p.requires_grad], lr=1e-2, weight_decay=1e-2)
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


def check(folder):
    warnings.simplefilter('error')
    images = load_file(folder / 'data.safetensors')['images']
    for ours in sorted(folder.glob('*/ours*')):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            model = PeftModel.from_pretrained(base_model(folder), str(ours)).eval()
            logits = model(images).detach()
            merged = model.merge_and_unload()(images).detach()
        if caught:
            raise SystemExit(f'{ours}: ' + '; '.join(str(warning.message) for warning in caught))
        save_file({'logits': logits, 'merged': merged}, ours.with_name(f'{ours.name}.checked.safetensors'))
        print(ours.name, 'of', ours.parent.name, 'loads without a warning')


if __name__ == '__main__':
    {'make': make, 'check': check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
