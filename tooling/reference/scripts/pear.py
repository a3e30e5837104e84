"""Pear's scores of adapters, which positions it prunes, and which kept adapter each of them shares."""
import math
import re


def scores(adapters, by_gate, by_factor):
    """by_gate: by site, the derivative by its gate in each batch; by_factor: by (site, A or B), the sums of value times
    derivative. Each factor's sum is the gate's derivative: a delta grows in proportion to its A, and to its B."""
    found = {}
    for site, adapter in adapters.items():
        gate = sum(by_gate[site])
        for name in 'AB':
            total = sum(by_factor[site, name])
            assert math.isclose(total, gate, rel_tol=1e-9, abs_tol=1e-15), (site, name, total, gate)
        found[site] = {
            'taylor': abs(gate),
            'parameters': {name: abs(sum(by_factor[site, name])) for name in 'AB'},
            'magnitude': sum(adapter[name].abs().sum().item() for name in 'AB'),
        }
    return found


def groups(adapters):
    """Positions of one stage, role and shape, which can stand in for each other; in the order given."""
    found = {}
    for site, adapter in adapters.items():
        stage, _, rest = site.rpartition('blocks.')
        role = adapter.get('role') or re.sub(r'^\d+\.', '', rest)
        found.setdefault((stage, role, adapter['A'].shape, adapter['B'].shape), []).append(site)
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
    """For each pruned site, from the least important on, the site whose adapter it shares; ties: the first site."""
    pruned_sites, shares = [], {}
    for sites in groups(adapters):
        importance = [found[site][spec['criterion']] for site in sites]
        ranked = sorted(range(len(sites)), key=lambda position: (importance[position], position))
        count = min(math.floor(spec['ratio'] * len(sites) + 0.5), len(sites) - 1)  # one is kept
        pruned, kept = ranked[:count], ranked[count:]
        donors = sorted(kept, key=lambda position: (-importance[position], position))[:count]
        pruned_sites += [sites[position] for position in pruned]
        pairs = pair(pruned, donors, importance, spec['pairing'])
        shares.update({sites[position]: sites[pairs[position]] for position in sorted(pairs)})
    return {'pruned': pruned_sites, 'shares': shares}
