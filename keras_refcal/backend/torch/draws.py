"""Random numbers of a key on PyTorch, the same on every device.

A generator of PyTorch takes its seed from the processor, which would have to wait for
the key; here the draws are a hash of key and place, computed where the key is.
"""

import math

import torch
import torch.distributed as dist

from keras_refcal.backend.torch.replicas import distributed

BITS = 0xFFFFFFFF
# The finalizer of MurmurHash3, in 32 of the 64 bits of a signed integer.
ROUNDS = ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1))


def uniform(key, shape):
    """Returns float32 draws from [0, 1); a key is two numbers of 32 bits."""
    count = math.prod(shape)
    places = torch.arange(count, device=key.device)
    return (_hash(key, places) >> 8).reshape(shape).float() * 2.0**-24


def split_key(key, count):
    """Returns `count` keys made of one."""
    places = torch.arange(2 * count, device=key.device)
    # Places below zero are none that a draw has.
    return list(_hash(key, -1 - places).reshape(count, 2))


def fold_in(key, number):
    """Returns a key made of one and a whole number."""
    return torch.stack([_mixed(key[0] ^ _mixed(key[1] + number)), key[1]])


def key_of_replica(key):
    """Returns a key of this process' own, whose rows are not those of another."""
    return fold_in(key, dist.get_rank()) if distributed() else key


def _hash(key, places):
    first, second = key.long()
    return _mixed(_mixed(places * 0x9E3779B1 + first) + second)


def _mixed(x):
    x = x.long() & BITS
    for shift, factor in ROUNDS:
        x = ((x ^ (x >> shift)) * factor) & BITS
    return x
