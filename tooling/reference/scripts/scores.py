"""HEAT's and Pear's scores by PyTorch's autograd, in double precision, on a timm model.

    python scores.py DIR

reads from DIR
    config.json, model.safetensors   the model, as timm's Hub has it (a ViT or a Swin)
    data.safetensors                 images [n, 3, h, w], labels [n]
    adapters.safetensors             TARGET.A [in, r] and TARGET.B [r, out] of each adapter (for `neat`, A is [out, r])
    case.json
        {"batches": [4, 4, 3],       samples of each batch, in order
         "adapters": [               in the order of their positions; may be empty
            {"target": "blocks.0.attn.qkv[q]",   a linear, its third q, k or v in brackets, or a block such as blocks.0.mlp
             "kind": "lowrank",      s x A B; "bottleneck": s relu(x A) B; "neat": s x relu(W0 A) B
             "scale": 0.5,           s
             "role": "mlp"}],        optional: adapters of one role are pruned together; by default the target within its block
         "heat": {                   optional
            "sources": ["activation", "delta"],   gates on all of q and v, bias and adapters included; on what the adapter of
                                                  attn.qkv[q], attn.qkv[v] adds
            "components": ["q", "v"],             of the activation; any of q, k, logits, attention, v, output
            "masks": [{"strategy": "qv",          q, v or qv
                       "scope": "global",         global (within a stage of a Swin), layer or allHeads
                       "ne": 1,                   heads off in each layer; or "ratio": 0.25, of a layer's heads, rounded down
                       "source": "activation", "aggregation": "batch", "normalizeLayers": false}]},   optional
         "pear": {                   optional
            "plans": [{"criterion": "taylor",     or magnitude
                       "ratio": 0.5,              of the positions of a role, shape and stage; one of them is kept
                       "pairing": "nearest"}]}}   nearest, rank or top1
and writes DIR/scores.json
    {"losses": [..],                 of each batch, the mean of its samples
     "heat": {"scores": {SOURCE: {"blocks.0.attn": {"q": {"batch": [..], "sample": [..], "none": [..], "square": [..]}}}},
              "masks": [{"blocks.0.attn": [..]}]},      the heads that are off, ascending
     "pear": {"scores": {TARGET: {"taylor": t, "parameters": {"A": a, "B": b}, "magnitude": m}},
              "plans": [{"pruned": [TARGET, ..], "shares": {PRUNED: KEPT}}]}}    the least important first

Scores of heads, with g_i the derivative of a batch's mean loss by a sample's gate: batch |sum g_i|, sample sum |g_i|, none
sum g_i, square (sum g_i)^2, each summed over the batches. Scores of adapters: taylor |dL/dgate|, parameters |sum of value
times derivative| over a factor, each summed over the batches before |.|; magnitude sum |value|.
"""
import json
import pathlib
import sys

from models import build
import heat
import pear
import torch
from gated import Gated
from safetensors.torch import load_file


def read_adapters(folder, case):
    if not case['adapters']:
        return {}
    tensors = load_file(folder / 'adapters.safetensors')
    factors = lambda target: {name: tensors[f'{target}.{name}'].double().requires_grad_() for name in 'AB'}  # noqa: E731
    return {adapter['target']: {**adapter, **factors(adapter['target'])} for adapter in case['adapters']}


def gate_keys(gated, case):
    """Where head gates are put, and of how many heads, by source, attention's path and component."""
    keys = {}
    for source in case.get('sources', ()):
        for path, attn in gated.attentions.items():
            if source == 'activation':
                for part in case['components']:
                    keys[source, path, part] = (path, part), attn.num_heads
            else:
                for part in 'qv':
                    if f'{path}.qkv[{part}]' in gated.adapters:
                        keys[source, path, part] = f'{path}.qkv[{part}]', attn.num_heads
    return keys


def main(folder):
    case = json.loads((folder / 'case.json').read_text())
    model = build(folder).double().requires_grad_(False)
    data = load_file(folder / 'data.safetensors')
    images, labels = (data[name].split(case['batches']) for name in ('images', 'labels'))
    images = [batch.double() for batch in images]
    plain = model(images[0])
    adapters = read_adapters(folder, case)
    gated = Gated(model)
    assert torch.allclose(model(images[0]), plain, rtol=0, atol=1e-12), 'the gated attention is not what timm computes'
    gated.add(adapters)

    keys = gate_keys(gated, case.get('heat', {}))
    probes = [gated.probe(x, y.long(), dict(keys.values())) for x, y in zip(images, labels)]
    losses, by_head, by_adapter, by_factor = zip(*probes)
    result = {'losses': losses}
    if 'heat' in case:
        scores = {}
        for (source, path, part), (key, _) in keys.items():
            layer = scores.setdefault(source, {}).setdefault(path, {})
            layer[part] = heat.aggregate([batch[key] for batch in by_head])
        result['heat'] = {'scores': scores, 'masks': [heat.mask(scores, spec) for spec in case['heat']['masks']]}
    if 'pear' in case:
        over_batches = lambda batches: {key: [batch[key] for batch in batches] for key in batches[0]}  # noqa: E731
        scores = pear.scores(adapters, over_batches(by_adapter), over_batches(by_factor))
        plans = [pear.share(adapters, scores, spec) for spec in case['pear']['plans']]
        result['pear'] = {'scores': scores, 'plans': plans}
    (folder / 'scores.json').write_text(json.dumps(result))


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
