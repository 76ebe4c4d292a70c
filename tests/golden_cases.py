"""Reads `tests/golden`; its README says where the values come from."""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent / "golden"
INDEX = json.loads((HERE / "index.json").read_text())
_ARRAYS = {}


def checks(kind, variants=("reference",)):
    """Yields (id, case, check) for every check of a kind."""
    for case in INDEX["cases"]:
        for check in case["checks"]:
            if check["kind"] == kind and check["variant"] in variants:
                yield f"{case['id']}-{check['id']}-{check['variant']}", case, check


def parameters(*kinds, variants=("reference",)):
    """Returns what `pytest.mark.parametrize` takes for (case, check)."""
    import pytest

    return [
        pytest.param(case, check, id=f"{kind}-{name}")
        for kind in kinds
        for name, case, check in checks(kind, variants)
    ]


def inputs(case):
    """Returns the named inputs of a case as arrays."""
    return {n: _array(case, i["key"]) for n, i in case["inputs"].items()}


def assert_matches(case, check, **got):
    """Asserts that each named output is within the tolerance listed with it."""
    tolerance = check["tol"]
    for name, value in got.items():
        expected = _array(case, check["outputs"][name]["key"])
        value = np.asarray(value, dtype="float64")
        assert value.shape == expected.shape, (name, value.shape, expected.shape)
        assert np.array_equal(np.isfinite(value), np.isfinite(expected)), name
        finite = np.isfinite(expected)
        scale = np.max(np.abs(expected[finite]), initial=0.0)
        error = np.max(np.abs(value[finite] - expected[finite]), initial=0.0)
        bound = tolerance["atol"] + tolerance["rtol"] * scale
        assert error <= bound, f"{name}: error {error:.3g} > {bound:.3g}"


def _array(case, key):
    if case["file"] not in _ARRAYS:
        with np.load(HERE / case["file"]) as file:
            _ARRAYS[case["file"]] = {k: file[k] for k in file.files}
    return _ARRAYS[case["file"]][key]
