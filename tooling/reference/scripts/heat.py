"""HEAT's scores and masks from the derivatives of the loss by gates on the parts of each head."""
import math


def aggregate(batches):
    """Derivatives by the gates of one part, [B, heads] for each batch, as a score for each head."""
    sums = [batch.sum(0) for batch in batches]
    return {
        'batch': sum(total.abs() for total in sums).tolist(),
        'sample': sum(batch.abs().sum(0) for batch in batches).tolist(),
        'none': sum(sums).tolist(),
        'square': sum(total ** 2 for total in sums).tolist(),
    }


def normalized(scores):
    mean = sum(scores) / len(scores)
    return [score / mean if mean else 0.0 for score in scores]


def combine(q, v, strategy):
    if strategy == 'qv':
        return [a + b for a, b in zip(normalized(q), normalized(v))]
    return {'q': q, 'v': v}[strategy]


def smallest(scores, count):
    return sorted(sorted(range(len(scores)), key=lambda head: (scores[head], head))[:count])


def smallest_of_all(layers, count):
    """The heads with the smallest scores of all layers; each layer keeps one. Ties: the first layer, then the first head."""
    ranked = sorted((score, layer, head) for layer, scores in enumerate(layers) for head, score in enumerate(scores))
    off = [[] for _ in layers]
    for _, layer, head in ranked:
        if count > 0 and len(off[layer]) < len(layers[layer]) - 1:
            off[layer].append(head)
            count -= 1
    return [sorted(heads) for heads in off]


def stages(paths):
    """Layers that have the same heads: those of a Swin's stage, all of a ViT."""
    groups = {}
    for path in paths:
        groups.setdefault(path.rpartition('blocks.')[0], []).append(path)
    return groups.values()


def mask(scores, spec):
    """The heads that are off, by attention's path."""
    scores = scores[spec.get('source', 'activation')]
    aggregation, scope = spec.get('aggregation', 'batch'), spec['scope']
    off = {}
    for paths in stages(scores):
        layers = [
            combine(*(scores[path][part][aggregation] for part in 'qv'), spec['strategy']) for path in paths
        ]
        if spec.get('normalizeLayers'):
            layers = [normalized(layer) for layer in layers]
        heads = len(layers[0])
        count = spec['ne'] if 'ne' in spec else math.floor(spec['ratio'] * heads)
        assert 0 <= count < heads, f'{count} of {heads} heads cannot be off'
        if scope == 'global':
            chosen = [smallest([sum(column) for column in zip(*layers)], count)] * len(layers)
        elif scope == 'layer':
            chosen = [smallest(layer, count) for layer in layers]
        elif scope == 'allHeads':
            chosen = smallest_of_all(layers, count * len(layers))
        else:
            raise ValueError(f'unknown scope {scope}')
        off.update(zip(paths, chosen))
    return off
