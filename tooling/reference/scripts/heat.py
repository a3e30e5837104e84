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
    """To a mean of 1; scores with signs, to a mean size of 1."""
    mean = sum(map(abs, scores)) / len(scores)
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
    combined, counts = {}, {}
    for path, layer in scores.items():
        together = combine(layer['q'][aggregation], layer['v'][aggregation], spec['strategy'])
        combined[path] = normalized(together) if spec.get('normalizeLayers') else together
        counts[path] = spec['ne'] if 'ne' in spec else math.floor(spec['ratio'] * len(together))
        assert 0 <= counts[path] < len(together), f'{counts[path]} of {len(together)} heads cannot be off'
    if scope == 'allHeads':
        return dict(zip(combined, smallest_of_all(list(combined.values()), sum(counts.values()))))
    if scope == 'global':
        for paths in stages(combined):
            total = [sum(column) for column in zip(*(combined[path] for path in paths))]
            combined.update({path: total for path in paths})
    elif scope != 'layer':
        raise ValueError(f'unknown scope {scope}')
    return {path: smallest(combined[path], counts[path]) for path in combined}
