"""A timm model with adapters and, where scores are taken, gates of one: plain modules, hooks and autograd.

To first order, the derivative of the loss by a gate is what the loss would lose if what the gate multiplies were taken out.
"""
import math
from functools import partial

import torch
from torch.nn.functional import pad

DELTAS = {
    'lowrank': lambda x, frozen, A, B: x @ A @ B,
    'bottleneck': lambda x, frozen, A, B: torch.relu(x @ A) @ B,
    'neat': lambda x, frozen, A, B: x @ torch.relu(frozen() @ A) @ B,
}


class Gated:
    """A model whose attention multiplies the components of every head, and whose hooks add gated adapters.

    head_gates: by (attention's path, component), or by a target whose delta is gated: [B, heads]
    adapter_gates: by target: scalars
    """

    def __init__(self, model):
        self.model, self.adapters = model, {}
        self.head_gates, self.adapter_gates = {}, {}
        self.attentions = {path: module for path, module in model.named_modules() if hasattr(module, 'qkv')}
        for path, attn in self.attentions.items():
            attn.forward = partial(self.attend, path, attn)

    def add(self, adapters):
        """adapters: by target `blocks.0.attn.qkv[q]`, their kind, scale, A and B."""
        self.adapters = adapters
        for target, adapter in adapters.items():
            path, _, part = target.rstrip(']').partition('[')
            self.model.get_submodule(path).register_forward_hook(self.adding(target, part, adapter))

    def gated(self, key, values):
        """values [B w, heads, ..], of samples that each have w windows, one sample after the other."""
        gates = self.head_gates.get(key)
        if gates is None:
            return values
        gates = gates.repeat_interleave(len(values) // len(gates), dim=0)
        return values * gates.reshape(*gates.shape, *[1] * (values.dim() - 2))

    def attend(self, path, attn, x, mask=None, attn_mask=None, is_causal=False):
        assert attn_mask is None and not is_causal
        windows, tokens, _ = x.shape
        heads = attn.num_heads
        q, k, v = attn.qkv(x).reshape(windows, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)  # [B w, heads, N, d]
        q, k = self.gated((path, 'q'), q), self.gated((path, 'k'), k)
        logits = self.gated((path, 'logits'), q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))  # [B w, heads, N, N]
        if hasattr(attn, 'relative_position_bias_table'):
            bias = attn.relative_position_bias_table[attn.relative_position_index.flatten()]
            logits = logits + bias.reshape(tokens, tokens, heads).permute(2, 0, 1)
        if mask is not None:
            logits = logits + mask.repeat(windows // len(mask), 1, 1)[:, None]
        weights = self.gated((path, 'attention'), logits.softmax(-1))
        outputs = self.gated((path, 'output'), weights @ self.gated((path, 'v'), v))  # [B w, heads, N, d]
        return attn.proj(outputs.transpose(1, 2).flatten(2))

    def adding(self, target, part, adapter):
        def hook(module, args, output):
            (x,) = args
            width = output.shape[-1] // 3 if part else output.shape[-1]
            start = 'qkv'.index(part) * width if part else 0
            frozen = lambda: module.weight.T[:, start:start + width]  # noqa: E731
            delta = adapter['scale'] * DELTAS[adapter['kind']](x, frozen, adapter['A'], adapter['B'])
            if target in self.head_gates:
                by_head = delta.unflatten(-1, (self.head_gates[target].shape[1], -1)).transpose(1, 2)  # [B w, heads, N, d]
                delta = self.gated(target, by_head).transpose(1, 2).flatten(2)
            delta = delta * self.adapter_gates.get(target, 1)
            return output + pad(delta, (start, output.shape[-1] - start - width))
        return hook

    def probe(self, images, labels, keys):
        """One batch's mean loss, and its derivatives: by head gates [B, heads] of `keys`, by a gate on each adapter, and
        the sums of value times derivative over each adapter's tensors."""
        ones = lambda *shape: torch.ones(shape, dtype=images.dtype, requires_grad=True)  # noqa: E731
        self.head_gates = {key: ones(len(images), heads) for key, heads in keys.items()}
        self.adapter_gates = {target: ones() for target in self.adapters}
        factors = {(target, name): adapter[name] for target, adapter in self.adapters.items() for name in 'AB'}
        inputs = [*self.head_gates.values(), *self.adapter_gates.values(), *factors.values()]
        loss = torch.nn.functional.cross_entropy(self.model(images), labels)
        grads = iter(torch.autograd.grad(loss, inputs) if inputs else ())
        by_head = {key: next(grads) for key in self.head_gates}
        by_adapter = {target: next(grads).item() for target in self.adapter_gates}
        by_factor = {key: (value * next(grads)).sum().item() for key, value in factors.items()}
        self.head_gates, self.adapter_gates = {}, {}
        return loss.item(), by_head, by_adapter, by_factor
