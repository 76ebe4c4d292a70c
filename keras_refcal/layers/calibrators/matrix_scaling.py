"""Matrix scaling and Dirichlet calibration, both with the ODIR penalty."""

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from keras_refcal.fitting.linear import fit_matrix
from keras_refcal.fitting.validation_set import log_softmax
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor
from keras_refcal.validation import check_non_negative


@serializable
class MatrixScaling(Calibrator):
    """Maps the logits by a matrix: `softmax(W z + b)`.

    A penalty keeps its `num_classes²` numbers in check: by default W and b are shrunk
    towards the best temperature, by a strength that cross-validation inside `fit`
    chooses, so that it is never worse than that temperature beyond noise. A class
    without validation samples keeps, on average, the share of probability that the
    best temperature gives it. It can change the predicted class. Adding a
    constant to a row of logits changes the output; `DirichletCalibration` is the same
    map of log-probabilities, where it does not.

    Args:
        reg_lambda: Number of 0 or more, weight of the mean square of the off-diagonal
            entries of W, as published (ODIR). `None` for `reg_mu`, or where that is
            `None` too for the penalty that `fit` chooses.
        reg_mu: Number of 0 or more, weight of the mean square of b; `None` for
            `reg_lambda`.
        from_logits: Whether the scores are logits; otherwise probabilities.
        **kwargs: `multi_label` of `Calibrator`; `name`, `dtype` of
            `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If a penalty is negative.

    Reference:
        [Kull et al., 2019](https://arxiv.org/abs/1910.12656), section 4 (MS-ODIR).

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import MatrixScaling
    >>> generator = np.random.default_rng(0)
    >>> logits = generator.normal(size=(200, 3))
    >>> labels = np.argmax(logits + generator.gumbel(size=(200, 3)), axis=1)
    >>> layer = MatrixScaling().fit(labels, 2 * logits)
    >>> print(f"{float(layer.matrix[0, 0]):.1f}")
    0.4
    """

    depends_on_shift = True

    def __init__(
        self,
        reg_lambda: float | None = None,
        reg_mu: float | None = None,
        from_logits: bool = True,
        **kwargs: Any,
    ):
        super().__init__(from_logits=from_logits, **kwargs)
        for name, value in (("reg_lambda", reg_lambda), ("reg_mu", reg_mu)):
            if value is not None:
                check_non_negative(name, value)
        self.reg_lambda = reg_lambda
        self.reg_mu = reg_mu
        self.fallback = reg_lambda is None and reg_mu is None

    def build_state(self, num_classes: int) -> None:
        """Creates the unit matrix and the bias 0."""
        self.matrix = self.add_state("matrix", np.eye(num_classes))
        self.bias = self.add_state("bias", np.zeros(num_classes))

    def calibrate(self, logits: Tensor) -> Any:
        """Returns `softmax(W logits + b)`."""
        mapped = ops.matmul(logits, ops.transpose(self.matrix))
        return ops.softmax(mapped + self.bias, axis=-1)

    def fit_state(self, data: Any) -> Any:
        """Returns W and b of least loss."""
        of_matrix, of_bias = self.reg_lambda, self.reg_mu
        return fit_matrix(
            data,
            of_bias if of_matrix is None else of_matrix,
            of_matrix if of_bias is None else of_bias,
        )

    def one_temperature(self, temperature: Any) -> Any:
        """Returns W = 1 / T and b = 0."""
        return np.eye(self.num_classes) / temperature, np.zeros(self.num_classes)


@serializable
class DirichletCalibration(MatrixScaling):
    """Maps the log-probabilities by a matrix: `softmax(W log p + b)`.

    It is exact where the probability vectors of each class are Dirichlet distributed.
    A penalty keeps its `num_classes²` numbers in check, as that of `MatrixScaling`. It
    can change the predicted class.

    Args:
        reg_lambda: Number of 0 or more, weight of the mean square of the off-diagonal
            entries of W, as published (ODIR). `None` for `reg_mu`, or where that is
            `None` too for the penalty that `fit` chooses.
        reg_mu: Number of 0 or more, weight of the mean square of b; `None` for
            `reg_lambda`.
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        **kwargs: `multi_label` of `Calibrator`; `name`, `dtype` of
            `keras.layers.Layer`.

    Call arguments:
        inputs: Scores, shape `(batch, num_classes)`, or `(batch, 1)` for class 1 of
            two.

    Returns:
        Probabilities of the shape of the inputs.

    Raises:
        ValueError: If a penalty is negative.

    Reference:
        [Kull et al., 2019](https://arxiv.org/abs/1910.12656), section 3, with ODIR.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.layers import DirichletCalibration
    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    >>> layer = DirichletCalibration(from_logits=False).fit([0, 0, 1, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")
    0.750
    """

    depends_on_shift = False

    def calibrate(self, logits: Tensor) -> Any:
        """Returns `softmax(W log_softmax(logits) + b)`."""
        return super().calibrate(ops.log_softmax(logits, axis=-1))

    def fit_state(self, data: Any) -> Any:
        """Returns W and b of least loss."""
        return super().fit_state(
            dataclasses.replace(data, logits=log_softmax(data.logits))
        )
