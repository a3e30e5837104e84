"""A contender of the benchmark: PyTorch with timm and Hugging Face peft.

PEFT_SHARED names the folder that has reference/timm_cpu.py, which makes timm work beside a CPU-only torch.
"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(os.environ['PEFT_SHARED']) / 'reference'))
import timm_cpu  # noqa: F401
import numpy
import peft
import timm
import torch
from safetensors.torch import load_file
from serving import peak_memory, serve


def backbone(assignment):
    made = assignment['torch']
    model = timm.create_model(made['model'], drop_path_rate=0.0, **made['args'])
    if 'weights' in assignment:
        found = model.load_state_dict(load_file(assignment['weights']), strict=False)
        parameters = {name for name, _ in model.named_parameters()}
        if found.unexpected_keys or parameters & set(found.missing_keys):
            raise ValueError(f'{assignment["weights"]} does not fit {made["model"]}: {found}')
    return model


class Contender:
    def __init__(self, assignment):
        torch.set_num_threads(assignment['threads'])
        self.training = assignment['phase'] == 'train'
        model = backbone(assignment)
        size, classes, batch = model.patch_embed.img_size, model.num_classes, assignment['batch']
        if assignment['adapter'] != 'none':
            config = getattr(peft, assignment['torch']['peft'])(**assignment['torch']['config'])
            model = peft.get_peft_model(model, config)
        self.dtype = torch.bfloat16 if assignment.get('precision') == 'bfloat16' else torch.float32
        self.autocast = torch.autocast('cpu', torch.bfloat16, enabled=assignment.get('precision') == 'autocast')
        self.model = model.to(self.dtype).train(self.training)
        pictures = numpy.sin(numpy.arange(batch * size[0] * size[1] * 3, dtype=numpy.float64)).astype(numpy.float32)
        self.images = torch.from_numpy(pictures).reshape(batch, *size, 3).permute(0, 3, 1, 2).contiguous().to(self.dtype)
        self.labels = torch.arange(batch) % classes
        if self.training:
            trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
            self.optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)

    def run(self):
        if not self.training:
            with torch.inference_mode():
                return self.model(self.images)[0, 0].item()
        with self.autocast:
            logits = self.model(self.images)
        loss = torch.nn.functional.cross_entropy(logits.float(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def describe(self):
        versions = {package.__name__: package.__version__ for package in (torch, timm, peft)}
        facts = {'peakBytes': peak_memory(), 'versions': versions}
        if isinstance(self.model, peft.PeftModel):
            facts['trainable'] = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
            with tempfile.TemporaryDirectory() as folder:
                self.model.save_pretrained(folder)
                facts['adapterBytes'] = (pathlib.Path(folder) / 'adapter_model.safetensors').stat().st_size
        return facts


if __name__ == '__main__':
    serve(Contender)
