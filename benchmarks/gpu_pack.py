"""One archive, under 60 MiB, of what `benchmarks.gpu` needs beside JAX and PyTorch.

    python -m benchmarks.gpu_pack --output=build/gpu_pack.zip

Keras' wheel and those that it asks for, for Python 3.12 on Linux, by `pip download`;
and of the images of `shared/data`, as they lie there, the test part of CIFAR-100 and
the long tail of its training part at factor 0.1, lossless. There
`KERAS_REFCAL_SHARED=<archive>/shared` has the benchmarks find them.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

from benchmarks import sheets
from keras_refcal.data import long_tail_indices

WHEELS = (
    "keras",
    "optree",
    "namex",
    "rich",
    "pygments",
    "markdown-it-py",
    "mdurl",
    "typing_extensions",
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "any")
MOST_BYTES = 60 * 2**20


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default="build/gpu_pack.zip")
    parser.add_argument("--python", default="3.12", help="of the other machine")
    parser.add_argument("--images", type=int, default=None, help="a class, at most")
    parser.add_argument("--no_wheels", action="store_true")
    flags = parser.parse_args(argv)
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not flags.no_wheels:
            download(folder, flags.python)
        write_images(folder / "shared" / "data", flags.images)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        with zipfile.ZipFile(flags.output, "w") as archive:
            for path in files:  # stored: all of them are compressed
                archive.write(path, path.relative_to(folder))
    size = flags.output.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{flags.output} has {size / 2**20:.1f} MiB, more than 60")
    print(f"{flags.output}: {len(files)} files, {size / 2**20:.1f} MiB")


def download(folder, python):
    """Downloads the wheels, each of its newest version, without what it asks for."""
    platforms = [f"--platform={name}" for name in PLATFORMS]
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:"]
    words += [f"--python-version={python}", "--implementation=cp", *platforms]
    command = [sys.executable, "-m", "pip", *words, "--dest", str(folder), *WHEELS]
    subprocess.run(command, check=True)


def write_images(folder, most):
    """Writes the sheets and their reader; of the long tail one column a class."""
    shared = sheets.folder()
    (folder / "cifar100" / "train").mkdir(parents=True)
    shutil.copy(shared / "read_sheets.py", folder)
    shutil.copytree(shared / "cifar100" / "test", folder / "cifar100" / "test")
    images, labels = sheets.load("cifar100", "train")
    kept = np.sort(long_tail_indices(labels, 100, 0.1))
    images, labels = images[kept], labels[kept]
    for path in sorted((shared / "cifar100" / "train").glob("*.webp")):
        label = int(path.stem.split("_")[0])
        column = images[labels == label][:most].reshape(-1, *images.shape[2:])
        write_sheet(folder / "cifar100" / "train" / path.name, column)


def write_sheet(path, pixels):
    from PIL import Image

    Image.fromarray(pixels).save(path, lossless=True, method=3, quality=50)


if __name__ == "__main__":
    main()
