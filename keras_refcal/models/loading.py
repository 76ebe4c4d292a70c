"""Loads saved models that may be damaged, or no models at all."""

import pathlib
import zipfile

import keras


def load_model(path) -> keras.Model:
    """Returns the model of a `.keras` file; code that it holds is not run.

    Args:
        path: The file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no `.keras` file, is damaged, or needs a class that is not
            known here, naming it.
    """
    path = pathlib.Path(path)
    with path.open("rb"):
        pass
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: damaged, or no .keras file.")
    try:
        model = keras.saving.load_model(path)
    except Exception as error:
        # What Keras makes of damaged members may raise anything.
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(
            f"{path}: damaged, or of a class that is not known here ({said})."
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path}: expected a model. It holds: {type(model).__name__}")
    return model
