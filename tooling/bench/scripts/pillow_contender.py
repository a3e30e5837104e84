"""A contender of the benchmark: timm's evaluation transform on pictures that Pillow decodes, in one batch.

PEFT_SHARED names the folder that has reference/timm_cpu.py, which makes timm work beside a CPU-only torch.
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu  # noqa: F401
import PIL
import timm
import torch
from PIL import Image
from serving import peak_memory, serve
from timm.data.transforms_factory import transforms_imagenet_eval


class Contender:
    def __init__(self, assignment):
        torch.set_num_threads(1)  # as in the workers of its DataLoader; more take longer over one picture
        self.paths = sorted(pathlib.Path(assignment['folder']).glob('*/*.jpg'))
        self.transform = transforms_imagenet_eval(224, crop_pct=0.9, interpolation='bicubic')

    def run(self):
        batch = torch.stack([self.transform(Image.open(path).convert('RGB')) for path in self.paths])
        return batch[-1].square().mean().item()

    def describe(self):
        versions = {'timm': timm.__version__, 'Pillow': PIL.__version__}
        return {'peakBytes': peak_memory(), 'versions': versions}


if __name__ == '__main__':
    serve(Contender)
