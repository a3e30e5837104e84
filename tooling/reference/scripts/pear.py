"""Pear's scores of adapters, which positions it prunes, and which kept adapter each of them shares."""
import math
import re


def scores(adapters, by_gate, by_factor):
    """by_gate: by target, the derivative by its gate in each batch; by_factor: by (target, A or B), the sums of value times
    derivative. Each factor's sum is the gate's derivative: a delta grows in proportion to its A, and to its B."""
    found = {}
    for target, adapter in adapters.items():
        gate = sum(by_gate[target])
        for name in 'AB':
            total = sum(by_factor[target, name])
            assert math.isclose(total, gate, rel_tol=1e-9, abs_tol=1e-15), (target, name, total, gate)
        found[target] = {
            'taylor': abs(gate),
            'parameters': {name: abs(sum(by_factor[target, name])) for name in 'AB'},
            'magnitude': sum(adapter[name].abs().sum().item() for name in 'AB'),
        }
    return found


def groups(adapters):
    """Positions of one stage, role and shape, which can stand in for each other; in the order given."""
    found = {}
    for target, adapter in adapters.items():
        stage, _, rest = target.rpartition('blocks.')
        role = adapter.get('role') or re.sub(r'^\d+\.', '', rest)
        found.setdefault((stage, role, adapter['A'].shape, adapter['B'].shape), []).append(target)
    return found.values()


def pair(pruned, donors, importance, pairing):
    """For each pruned position, a donor. Both are positions, and donors stand from the most important on."""
    if pairing == 'top1':
        return {position: donors[0] for position in pruned}
    if pairing == 'rank':
        ranked = sorted(pruned, key=lambda position: (-importance[position], position))
        return {position: donors[i % len(donors)] for i, position in enumerate(ranked)}
    if pairing != 'nearest':
        raise ValueError(f'unknown pairing {pairing}')
    shares, free = {}, []
    for position in sorted(pruned):
        free = free or list(donors)
        shares[position] = min(free, key=lambda donor: (abs(donor - position), donor))
        free.remove(shares[position])
    return shares


def share(adapters, found, spec):
    """For each pruned target, from the least important on, the target whose adapter it shares; ties: the first target."""
    pruned_targets, shares = [], {}
    for targets in groups(adapters):
        importance = [found[target][spec['criterion']] for target in targets]
        ranked = sorted(range(len(targets)), key=lambda position: (importance[position], position))
        count = min(math.floor(spec['ratio'] * len(targets) + 0.5), len(targets) - 1)  # one is kept
        pruned, kept = ranked[:count], ranked[count:]
        donors = sorted(kept, key=lambda position: (-importance[position], position))[:count]
        pruned_targets += [targets[position] for position in pruned]
        pairs = pair(pruned, donors, importance, spec['pairing'])
        shares.update({targets[position]: targets[pairs[position]] for position in sorted(pairs)})
    return {'pruned': pruned_targets, 'shares': shares}
