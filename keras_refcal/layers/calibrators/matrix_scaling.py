"""Matrix scaling and Dirichlet calibration, both with the ODIR penalty."""

import dataclasses

import numpy as np
from keras import ops

from keras_refcal.fitting.linear import fit_matrix
from keras_refcal.fitting.validation_set import log_softmax
from keras_refcal.layers.calibrators.base import Calibrator
from keras_refcal.registration import serializable
from keras_refcal.validation import check_non_negative


@serializable
class MatrixScaling(Calibrator):
    """Maps the logits by a matrix: `softmax(W z + b)`.

    The penalty on the off-diagonal entries and the bias (ODIR) is what keeps its
    `num_classes²` numbers in check. It can change the predicted class. Adding a
    constant to a row of logits changes the output; `DirichletCalibration` is the same
    map of log-probabilities, where it does not.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities.
        reg_lambda: Number of 0 or more, weight of the mean square of the off-diagonal
            entries of W.
        reg_mu: Number of 0 or more, weight of the mean square of b.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

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
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 4.0]])
    >>> layer = MatrixScaling().fit([0, 1, 0, 1], logits)
    >>> print(f"{float(layer(logits)[0, 0]):.3f}")
    0.500
    """

    depends_on_shift = True

    def __init__(self, from_logits=True, reg_lambda=1.0, reg_mu=1.0, **kwargs):
        super().__init__(from_logits=from_logits, **kwargs)
        check_non_negative("reg_lambda", reg_lambda)
        check_non_negative("reg_mu", reg_mu)
        self.reg_lambda = reg_lambda
        self.reg_mu = reg_mu

    def build_state(self, num_classes):
        """Creates the unit matrix and the bias 0."""
        self.matrix = self.add_state("matrix", np.eye(num_classes))
        self.bias = self.add_state("bias", np.zeros(num_classes))

    def calibrate(self, logits):
        """Returns `softmax(W logits + b)`."""
        mapped = ops.matmul(logits, ops.transpose(self.matrix))
        return ops.softmax(mapped + self.bias, axis=-1)

    def fit_state(self, data):
        """Returns W and b of least loss."""
        return fit_matrix(data, self.reg_lambda, self.reg_mu)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "reg_lambda": self.reg_lambda,
            "reg_mu": self.reg_mu,
        }


@serializable
class DirichletCalibration(MatrixScaling):
    """Maps the log-probabilities by a matrix: `softmax(W log p + b)`.

    It is exact where the probability vectors of each class are Dirichlet distributed.
    It can change the predicted class.

    Args:
        from_logits: Whether the scores are logits; otherwise probabilities. Both give
            the same calibrator.
        reg_lambda: Number of 0 or more, weight of the mean square of the off-diagonal
            entries of W.
        reg_mu: Number of 0 or more, weight of the mean square of b.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

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
    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    >>> layer = DirichletCalibration(from_logits=False).fit([0, 1, 0, 1], p)
    >>> print(f"{float(layer(p)[0, 0]):.3f}")
    0.500
    """

    depends_on_shift = False

    def calibrate(self, logits):
        """Returns `softmax(W log_softmax(logits) + b)`."""
        return super().calibrate(ops.log_softmax(logits, axis=-1))

    def fit_state(self, data):
        """Returns W and b of least loss."""
        return super().fit_state(
            dataclasses.replace(data, logits=log_softmax(data.logits))
        )
