"""Set-up shared by all tests; `KERAS_BACKEND` chooses the backend of a run."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Three backends share the cores; threads that wait for each other by spinning
    # make each of them many times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

if os.environ.get("KERAS_BACKEND") == "torch":
    import torch  # noqa: F401  before TensorFlow, which otherwise crashes it

import hypothesis
import pytest
from left_out import (  # noqa: F401  hooks of pytest
    pytest_collection_modifyitems,
    pytest_deselected,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

hypothesis.settings.register_profile(
    "default", max_examples=10, deadline=None, derandomize=True
)
hypothesis.settings.register_profile("slow", max_examples=10_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Scripts, which doctest would import.
collect_ignore_glob = ["*_script.py", "golden/make_*.py", "replicas_devices.py"]


@pytest.fixture(autouse=True)
def seeded():
    """Starts every test from the same seed."""
    # Imported here: the process that only distributes tests needs no framework.
    import keras

    keras.utils.set_random_seed(0)
