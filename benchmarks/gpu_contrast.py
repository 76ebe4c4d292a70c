"""Time, memory and error of the contrastive loss on a GPU, for `gpu_checks`."""

import concurrent.futures
import os
import statistics
import time

import keras
import numpy as np

from benchmarks.contrastive_forms import DIM, NUM_CLASSES, VIEWS, Dense, published
from keras_refcal.losses import SupervisedContrastiveLoss

BACKEND = keras.backend.backend()
if BACKEND == "torch":
    import torch
else:
    import jax

SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
HALF_SIZES = (512, 2048, 8192, 32768, 65536)  # also in bfloat16
BLOCKS = (1024, 2048, 4096, 8192)
MOST_COMPARED = 2048  # rows up to which the error is that against float64
LARGEST_MB = 40_000  # a dense form that needs more is left out


def measure(results, alone, tiny):
    """Measures all variants, the small ones first."""
    sizes = (64,) if tiny else SIZES
    cases = [
        (variant, size, dtype)
        for size in sizes
        for dtype in ("float32", "bfloat16")
        if dtype == "float32" or tiny or size in HALF_SIZES
        for variant in variants(size, dtype)
    ]
    named = {f"contrast/{d}/{n}/{v}": (v, n, d) for v, n, d in cases}
    left = {k: v for k, v in named.items() if k not in results.found}
    if BACKEND == "torch":
        for name, case in left.items():
            results.measure(name, lambda case=case: torch_figures(*case, alone))
        return
    # Programs are compiled side by side, and run alone.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        lowered = {name: jax_lowered(*case) for name, case in left.items()}
        programs = {name: pool.submit(x.compile) for name, x in lowered.items()}
        for name, case in left.items():
            program = programs[name].result
            results.measure(name, lambda c=case, p=program: jax_figures(*c, p(), alone))


def variants(size, dtype):
    """Returns what is measured at this many rows."""
    blocks = [block for block in BLOCKS if block <= size]
    if dtype == "bfloat16":
        blocks = blocks[-1:]
    found = ["ours", *(f"blocks of {block}" for block in blocks), "dense"]
    return found + ["published"] * (BACKEND == "torch")


def loss_of(variant):
    if variant == "dense":
        return Dense()
    if variant == "published":
        return published
    block = None if variant == "ours" else int(variant.split()[-1])
    return SupervisedContrastiveLoss(block_size=block)


def data(size):
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(size // VIEWS, VIEWS, DIM)).astype("float32")
    return generator.integers(0, NUM_CLASSES, len(embeddings)), embeddings


def torch_figures(variant, size, dtype, alone):
    # A dense form keeps six tables of every row with every row, or more.
    if variant in ("dense", "published") and 6 * 4e-6 * size**2 > LARGEST_MB:
        return {"left_out": f"more than {LARGEST_MB} MB"}
    loss = loss_of(variant)
    labels, embeddings = data(size)
    labels = keras.ops.convert_to_tensor(labels)
    x = keras.ops.convert_to_tensor(embeddings).to(getattr(torch, dtype))
    x.requires_grad_()

    def run():
        value = loss(labels, x)
        return value.detach(), torch.autograd.grad(value, x)[0]

    with alone():
        found = run()
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            run()
            extra = (torch.cuda.max_memory_allocated() - before) / 2**20
        ms = median_ms(run, repeats(size))
        if on_gpu:
            torch.cuda.empty_cache()
    row = {"ms": round(ms, 3), **errors(found, size)}
    return {**row, "extra_mb": round(extra, 1)} if on_gpu else row


def jax_lowered(variant, size, dtype):
    loss = loss_of(variant)
    labels, embeddings = data(size)
    step = jax.jit(jax.value_and_grad(lambda x, y: loss(y, x)))
    return step.lower(
        jax.ShapeDtypeStruct(embeddings.shape, dtype),
        jax.ShapeDtypeStruct(labels.shape, "int32"),
    )


def jax_figures(variant, size, dtype, program, alone):
    analysis = program.memory_analysis()
    extra = (analysis.temp_size_in_bytes + analysis.output_size_in_bytes) / 2**20
    if extra > LARGEST_MB:
        return {"left_out": f"{extra:.0f} MB", "extra_mb": round(extra, 1)}
    labels, embeddings = data(size)
    x = jax.numpy.asarray(embeddings, dtype)
    y = jax.numpy.asarray(labels, "int32")
    with alone():
        found = jax.block_until_ready(program(x, y))
        ms = median_ms(lambda: program(x, y), repeats(size))
    return {"ms": round(ms, 3), "extra_mb": round(extra, 1), **errors(found, size)}


def repeats(size):
    return int(np.clip(40_000 // size, 3, 20))


def median_ms(run, repeats):
    """Returns the median milliseconds of a function, its work on the GPU done."""
    finished(run())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        finished(run())
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def finished(result):
    if BACKEND == "jax":
        jax.block_until_ready(result)
    elif torch.cuda.is_available():
        torch.cuda.synchronize()


def errors(found, size):
    """Returns how far value and gradient are from those in float64."""
    if size > MOST_COMPARED:
        return {}
    value, gradient = (
        np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(x, "float32")), float)
        for x in found
    )
    expected, slope = reference(size)
    return {
        "value_error": float(abs(value - expected) / abs(expected)),
        "gradient_error": float(np.max(np.abs(gradient - slope)) / np.max(abs(slope))),
    }


def reference(size):
    """Returns value and gradient in float64, by the formula, in NumPy."""
    labels, embeddings = data(size)
    flat = embeddings.transpose(1, 0, 2).reshape(-1, DIM).astype(float)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    rows, count = flat / norms, len(flat)
    classes = np.tile(labels, VIEWS)
    logits = rows @ rows.T / 0.1
    np.fill_diagonal(logits, -np.inf)
    most = logits.max(axis=1, keepdims=True)
    powers = np.exp(logits - most)
    total = powers.sum(axis=1, keepdims=True)
    mask = (classes[:, None] == classes).astype(float)
    np.fill_diagonal(mask, 0)
    shares = mask / mask.sum(axis=1, keepdims=True)
    np.fill_diagonal(logits, 0)
    values = np.log(total[:, 0]) + most[:, 0] - (shares * logits).sum(axis=1)
    pull = (powers / total - shares) / count / 0.07
    slope = (pull + pull.T) @ rows
    slope = (slope - rows * (slope * rows).sum(axis=1, keepdims=True)) / norms
    slope = slope.reshape(VIEWS, -1, DIM).transpose(1, 0, 2)
    return values.mean() * 0.1 / 0.07, slope
