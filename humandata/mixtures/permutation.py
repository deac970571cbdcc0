"""Keyed permutations of range(n): random order without storing one, at any position, in constant memory.

A Feistel network (Luby and Rackoff, "How to construct pseudorandom permutations from pseudorandom functions", 1988)
permutes the smallest range of 2^b numbers that holds range(n); a result outside range(n) is permuted again until it
falls inside (cycle walking: Black and Rogaway, "Ciphers with arbitrary finite domains", 2002): at most two rounds of it
on average.
"""

from __future__ import annotations

import numpy as np

from humandata.arrays import UInt64Array

NUM_ROUNDS = 24
"""Four rounds make a permutation of a large range pseudorandom. Small ranges need more: with 8, the 120 orders of five
elements are not equally likely (chi-square 616 at 119 degrees of freedom); with 24 they are. Even, so that the halves
end where they began."""

_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)


def mix(values: UInt64Array) -> UInt64Array:
    """Hash 64-bit numbers (...) to 64-bit numbers (...): the finaliser of SplitMix64 (Steele, Lea, Flood, 2014)."""
    z = np.asarray(values, dtype=np.uint64) + _GOLDEN_RATIO
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def permute(positions: UInt64Array, sizes: UInt64Array, keys: UInt64Array) -> UInt64Array:
    """Where each position (N,) of range(size) (N,) goes under the permutation that its key (N,) chooses."""
    # frexp gives the bit length: exact for ranges up to 2^53.
    bits = np.maximum(np.frexp((sizes - np.uint64(1)).astype(np.float64))[1], 1).astype(np.uint64)
    out = np.array(positions, dtype=np.uint64)
    pending = np.arange(len(out))
    while len(pending):
        out[pending] = _feistel(out[pending], bits[pending], keys[pending])
        pending = pending[out[pending] >= sizes[pending]]
    return out


def _feistel(values: UInt64Array, bits: UInt64Array, keys: UInt64Array) -> UInt64Array:
    """Permute range(2^bits), elementwise; the halves of an odd number of bits differ by one."""
    one = np.uint64(1)
    num_low = bits // np.uint64(2)
    masks = ((one << (bits - num_low)) - one, (one << num_low) - one)
    left, right = values >> num_low, values & masks[1]
    for round_index in range(NUM_ROUNDS):
        # A value has at most 53 bits, so the round's number fits above it: each round hashes other inputs.
        hashed = mix(keys + (right | np.uint64(round_index << 56)))
        left, right = right, left ^ (hashed & masks[round_index % 2])
    return np.asarray((left << num_low) | right)
