"""The Python side of the tests of saved backbones: real timm, real transformers.

    python backbones.py make DIR     random models, each in a folder DIR/CASE/base as its library writes it
    python backbones.py check DIR    opens each DIR/CASE/saved as its library does, and writes to DIR/CASE/checked.safetensors
                                     its logits for the pictures of DIR/CASE/images.safetensors; prints class names as JSON

PEFT_SHARED names the folder that has reference/timm_cpu.py, which makes timm work beside a CPU-only torch.
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu  # noqa: F401
import numpy
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    Dinov2Config,
    Dinov2Model,
    SwinConfig,
    SwinForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    ViTModel,
)

VIT = dict(img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=4)
SWIN = dict(img_size=32, patch_size=4, embed_dim=12, depths=(2, 2), num_heads=(2, 4), window_size=4)

# Each as (architecture, model_args, what config.json leaves out of them)
TIMM = {
    'timm-avg': ('vit_tiny_patch16_224', dict(VIT, global_pool='avg'), ()),
    'timm-avg-unsaid': ('vit_tiny_patch16_224', dict(VIT, global_pool='avg'), ('global_pool',)),
    'timm-no-token': ('vit_tiny_patch16_224', dict(VIT, global_pool='avg', class_token=False, qkv_bias=False), ()),
    'timm-registers': ('vit_tiny_patch16_224', dict(VIT, reg_tokens=2, no_embed_class=True, init_values=0.1, mlp_ratio=2), ()),
    'timm-fc-norm': ('vit_tiny_patch16_224', dict(VIT, global_pool='avg', fc_norm=False), ()),
    'timm-distilled': ('deit_tiny_distilled_patch16_224', VIT, ()),
    'timm-swin': ('swin_tiny_patch4_window7_224', SWIN, ()),
}
HF_VIT = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40, image_size=16, patch_size=4)
HF_SWIN = dict(image_size=32, patch_size=4, embed_dim=12, depths=[2, 1], num_heads=[2, 4], window_size=4, mlp_ratio=2)
TRANSFORMERS = {
    'hf-vit': lambda: ViTForImageClassification(ViTConfig(**HF_VIT, num_labels=5)),
    'hf-vit-headless': lambda: ViTModel(ViTConfig(**HF_VIT)),
    'hf-deit': lambda: DeiTForImageClassificationWithTeacher(DeiTConfig(**HF_VIT, num_labels=5)),
    'hf-dinov2': lambda: Dinov2Model(Dinov2Config(**{k: v for k, v in HF_VIT.items() if k != 'intermediate_size'}, mlp_ratio=2)),
    'hf-swin': lambda: SwinForImageClassification(SwinConfig(**HF_SWIN, num_labels=5)),
}


def shuffle(model):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def make(folder):
    for case, (architecture, args, unsaid) in TIMM.items():
        model = shuffle(timm.create_model(architecture, num_classes=5, **args))
        said = {name: value for name, value in args.items() if name not in unsaid}
        save_for_hf(model, folder / case / 'base', model_args=said, model_config={'label_names': list('abcde')}, safe_serialization=True)
        size = args['img_size']
        config = json.loads((folder / case / 'base/config.json').read_text())
        config['pretrained_cfg']['input_size'] = [3, size, size]
        (folder / case / 'base/config.json').write_text(json.dumps(config))
    for case, create in TRANSFORMERS.items():
        model = shuffle(create())
        model.save_pretrained(folder / case / 'base')
        size = model.config.image_size
        ViTImageProcessor(size={'height': size, 'width': size}).save_pretrained(folder / case / 'base')
    renamed = folder / 'hf-5.9-vit/base'
    model = shuffle(TRANSFORMERS['hf-vit']())
    model.save_pretrained(renamed)
    save_file(model.state_dict(), renamed / 'model.safetensors')


def open_saved(folder):
    config = json.loads((folder / 'config.json').read_text())
    if 'model_type' not in config:
        model = timm.create_model(f'local-dir:{folder}', pretrained=True)
        return model.eval(), model.pretrained_cfg['label_names']
    size = config['image_size']
    pixels = AutoImageProcessor.from_pretrained(folder)(Image.fromarray(numpy.zeros((40, 50, 3), 'uint8')), return_tensors='pt')
    assert pixels['pixel_values'].shape == (1, 3, size, size), pixels['pixel_values'].shape
    teacher = 'WithTeacher' in config['architectures'][0]
    auto = DeiTForImageClassificationWithTeacher if teacher else AutoModelForImageClassification
    model, info = auto.from_pretrained(folder, output_loading_info=True)
    assert not any(info[kind] for kind in ('missing_keys', 'unexpected_keys', 'mismatched_keys')), info
    assert model.config.label2id == {name: i for i, name in model.config.id2label.items()}
    return model.eval(), [model.config.id2label[i] for i in range(model.config.num_labels)]


def check(folder):
    labels = {}
    for saved in sorted(folder.glob('*/saved')):
        model, labels[saved.parent.name] = open_saved(saved)
        with torch.no_grad():
            found = model(load_file(saved.parent / 'images.safetensors')['images'])
        logits = found if isinstance(found, torch.Tensor) else found.logits
        save_file({'logits': logits}, saved.parent / 'checked.safetensors')
    print(json.dumps(labels))


command, target = sys.argv[1:]
{'make': make, 'check': check}[command](pathlib.Path(target))
