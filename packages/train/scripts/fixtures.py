"""Writes test/fixtures/adamw.json: thirty steps of torch.optim.AdamW on a fixed sequence of gradients.

    python scripts/fixtures.py
"""
import json
import pathlib

import torch

torch.manual_seed(0)
start = torch.randn(7)
gradients = torch.randn(30, 7)
parameter = torch.nn.Parameter(start.clone())
optimizer = torch.optim.AdamW([parameter], lr=3e-2, weight_decay=0.1)
path = []
for step, gradient in enumerate(gradients):
    for group in optimizer.param_groups:
        group['lr'] = 3e-2 * (1 - step / 60)
    parameter.grad = gradient.clone()
    optimizer.step()
    path.append(parameter.detach().tolist())
target = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures' / 'adamw.json'
target.write_text(json.dumps({'start': start.tolist(), 'gradients': gradients.tolist(), 'path': path}) + '\n')
