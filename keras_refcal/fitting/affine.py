"""Affine maps of logits: their loss, and the map of least penalised loss."""

import dataclasses

import numpy as np

from keras_refcal.fitting.validation_set import log_softmax

# Rows that are mapped at once: what they take fits into a processor's cache.
VALUES_AT_ONCE = 2**18
# Rows, evenly spread, that are looked at for the scales of a fit.
MOST_ROWS = 5000
PAIRS_KEPT, MOST_STEPS = 10, 2000
TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class Change:
    """What a map `z + (diag(slopes) + mixing) (z - centre) + bias` adds to logits z.

    Attributes:
        slopes: Shape `(K,)`.
        bias: Shape `(K,)`.
        mixing: Shape `(K, K)`; `None` for a diagonal map.
    """

    slopes: np.ndarray
    bias: np.ndarray
    mixing: np.ndarray | None

    @classmethod
    def none(cls, classes, diagonal):
        """Returns the change of the identity."""
        zeros = np.zeros(classes)
        return cls(zeros, zeros, None if diagonal else np.zeros((classes, classes)))

    @classmethod
    def mean(cls, changes):
        """Returns the mean of several changes."""
        one = changes[0]
        mixing = None if one.mixing is None else np.mean([c.mixing for c in changes], 0)
        slopes, bias = (
            np.mean([getattr(c, name) for c in changes], axis=0)
            for name in ("slopes", "bias")
        )
        return cls(slopes, bias, mixing)

    def map(self, centre) -> tuple[np.ndarray, np.ndarray]:
        """Returns the matrix, or its diagonal, and the bias that act on logits."""
        if self.mixing is None:
            return 1 + self.slopes, self.bias - self.slopes * centre
        matrix = self.mixing + np.diag(self.slopes)
        return matrix + np.eye(len(matrix)), self.bias - matrix @ centre


@dataclasses.dataclass(frozen=True)
class Penalty:
    """Weights of the squares of a change, which are added to the mean loss.

    Attributes:
        diagonal: Of the entries on the diagonal, 0 or more.
        bias: Of those of the bias, 0 or more.
        mixing: Of those off the diagonal, no less than that on it.
    """

    diagonal: float
    bias: float
    mixing: float = 0.0

    def of_slopes(self, change) -> float:
        """Returns the weight of the squared slopes.

        The diagonal of a matrix is the sum of slopes and of a share of the mixing,
        whose entries are all penalised alike; the cheapest split of it costs what
        `diagonal` says.
        """
        if change.mixing is None:
            return self.diagonal
        left = max(self.mixing - self.diagonal, 1e-6 * self.mixing)
        return self.diagonal * self.mixing / left if left else 0.0

    def value_and_gradient(self, change) -> tuple[float, Change]:
        """Returns the penalty of a change and its slopes."""
        of_slopes = self.of_slopes(change)
        value = of_slopes * change.slopes @ change.slopes
        value += self.bias * change.bias @ change.bias
        mixing = change.mixing
        if mixing is not None:
            value += self.mixing * np.vdot(mixing, mixing)
            mixing = 2 * self.mixing * mixing
        slopes, bias = 2 * of_slopes * change.slopes, 2 * self.bias * change.bias
        return float(value), Change(slopes, bias, mixing)


def affine_loss(matrix, bias, data):
    """Returns the loss of `softmax(matrix @ z + bias)` and its gradients.

    Args:
        matrix: Shape `(K, K)`, or its diagonal `(K,)`; entry i, j multiplies logit j
            for class i.
        bias: Shape `(K,)`.
        data: A `ValidationSet`; products are computed in the type of its logits.

    Returns:
        The weighted mean of `-log softmax(...)_y`, in nats, its gradient of the matrix
        and that of the bias.
    """
    value, of_matrix, of_bias = 0.0, np.zeros(matrix.shape), np.zeros(bias.shape)
    right = (matrix.T if matrix.ndim == 2 else matrix).astype(data.logits.dtype)
    step = max(1, VALUES_AT_ONCE // data.num_classes)
    for start in range(0, len(data.labels), step):
        rows = slice(start, start + step)
        logits, weights = data.logits[rows], data.weights[rows]
        odds = logits @ right if matrix.ndim == 2 else logits * right
        odds += bias.astype(odds.dtype)
        losses, total = _losses_and_odds(odds, data.labels[rows])
        value += float(weights @ losses)
        odds *= (weights / total).astype(odds.dtype)[:, None]
        odds[np.arange(len(losses)), data.labels[rows]] -= weights.astype(odds.dtype)
        of_bias += odds.sum(axis=0)
        of_matrix += (
            odds.T @ logits if matrix.ndim == 2 else np.einsum("ij,ij->j", odds, logits)
        )
    return value, of_matrix, of_bias


def losses_of(matrix, bias, data) -> np.ndarray:
    """Returns `-log softmax(matrix @ z + bias)_y` of each sample, in nats."""
    mapped = data.logits @ matrix.T if matrix.ndim == 2 else data.logits * matrix
    return _losses_and_odds(mapped + bias, data.labels)[0]


def _losses_and_odds(logits, labels):
    """Makes odds of logits, in place; returns the losses and the sums of the odds."""
    logits -= logits.max(axis=1, keepdims=True)
    of_label = logits[np.arange(len(labels)), labels].astype("float64")
    total = np.exp(logits, out=logits).sum(axis=1, dtype="float64")
    return np.log(total) - of_label, total


class AffineFit:
    """Finds maps of least penalised loss, from logits of one kind, again and again.

    Steps are taken in coordinates in which the loss bends alike in all directions, as
    far as a glance at some rows tells: pairs of slope and bias by their second
    derivatives, the mixing by the Kronecker product of the mean second derivative of
    the logits and their second moments, weighted by how undecided each sample is.

    Args:
        data: A `ValidationSet`.
        centre: Shape `(K,)`, see `Change`.
        diagonal: Whether maps have no mixing.
    """

    def __init__(self, data, centre, diagonal):
        some = data.take(slice(None, None, -(-len(data.labels) // MOST_ROWS)))
        features = some.logits - centre
        p = np.exp(log_softmax(some.logits))
        self.centre, self.diagonal = centre, diagonal
        weighted = p * some.weights[:, None]
        uncertain = weighted * (1 - p)
        products = uncertain * features
        self.of_bias, self.of_both = uncertain.sum(axis=0), products.sum(axis=0)
        self.of_slopes = np.einsum("ij,ij->j", products, features)
        if not diagonal:
            undecided = uncertain.sum(axis=1)
            moments = (features * undecided[:, None]).T @ features
            moments /= max(undecided.sum(), TINY)
            bends = np.diag(weighted.sum(axis=0)) - weighted.T @ p
            bend, self.left = np.linalg.eigh(bends)
            moment, self.right = np.linalg.eigh(moments)
            self.of_mixing = np.outer(np.maximum(bend, 0), np.maximum(moment, 0))

    def solve(self, data, penalty, start=None, gain=1e-14) -> Change:
        """Returns the change of least penalised loss.

        Args:
            data: A `ValidationSet` whose logits are of that kind.
            penalty: A `Penalty`.
            start: A `Change` to start from; `None` for that of the identity.
            gain: It stops where a step lowers the loss by less than this, in nats or
                relative to a loss above 1.
        """
        import scipy.optimize

        if start is None:
            start = Change.none(data.num_classes, self.diagonal)
        scales = self._scales(penalty, start)

        def objective(vector):
            change = scales.change(vector)
            value, of_matrix, of_bias = affine_loss(*change.map(self.centre), data)
            of_penalty, slopes = penalty.value_and_gradient(change)
            if self.diagonal:
                of_matrix -= of_bias * self.centre
                of_mixing, of_slopes = None, of_matrix
            else:
                of_matrix -= np.outer(of_bias, self.centre)
                of_mixing, of_slopes = of_matrix + slopes.mixing, np.diag(of_matrix)
            gradient = Change(
                of_slopes + slopes.slopes, of_bias + slopes.bias, of_mixing
            )
            return value + of_penalty, scales.gradient(gradient)

        found = scipy.optimize.minimize(
            objective,
            scales.vector(start),
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": MOST_STEPS,
                "maxfun": 2 * MOST_STEPS,
                "maxcor": PAIRS_KEPT,
                "ftol": gain,
                "gtol": 1e-9,
            },
        )
        return scales.change(found.x)

    def _scales(self, penalty, change):
        slopes = self.of_slopes + 2 * penalty.of_slopes(change)
        slope = np.sqrt(np.maximum(slopes, TINY))
        both = self.of_both / slope
        bias = self.of_bias + 2 * penalty.bias - both**2
        mixing = None
        if not self.diagonal:
            mixing = self.of_mixing + 2 * penalty.mixing
            mixing = np.sqrt(np.maximum(mixing, TINY * mixing.max() + TINY))
            mixing = _Mixing(mixing, self.left, self.right)
        return _Scales(slope, both, np.sqrt(np.maximum(bias, TINY)), mixing)


@dataclasses.dataclass(frozen=True)
class _Mixing:
    """Coordinates of the mixing: entries in two bases of eigenvectors, scaled."""

    scale: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def entries(self, coordinates):
        """Returns the mixing that has these coordinates."""
        return self.left @ (coordinates / self.scale) @ self.right.T

    def coordinates(self, entries):
        """Returns the coordinates of a mixing."""
        return self.left.T @ entries @ self.right * self.scale

    def gradient(self, entries):
        """Returns the gradient of the coordinates from that of the mixing."""
        return self.left.T @ entries @ self.right / self.scale


@dataclasses.dataclass(frozen=True)
class _Scales:
    """Coordinates of a change as one vector: slopes, biases, mixing.

    Slope and bias of a class are those of a triangular root of their 2 x 2 matrix of
    second derivatives, `[[slope, 0], [both, bias]]`.
    """

    slope: np.ndarray
    both: np.ndarray
    bias: np.ndarray
    mixing: _Mixing | None

    def change(self, vector) -> Change:
        """Returns the change that has these coordinates."""
        classes = len(self.slope)
        bias = vector[classes : 2 * classes] / self.bias
        slopes = (vector[:classes] - self.both * bias) / self.slope
        mixing = None
        if self.mixing is not None:
            coordinates = vector[2 * classes :].reshape(classes, classes)
            mixing = self.mixing.entries(coordinates)
        return Change(slopes, bias, mixing)

    def vector(self, change) -> np.ndarray:
        """Returns the coordinates of a change."""
        parts = [
            self.slope * change.slopes + self.both * change.bias,
            self.bias * change.bias,
        ]
        if self.mixing is not None:
            parts.append(self.mixing.coordinates(change.mixing).ravel())
        return np.concatenate(parts)

    def gradient(self, gradient) -> np.ndarray:
        """Returns the gradient of the coordinates from that of a change."""
        of_slopes = gradient.slopes / self.slope
        parts = [of_slopes, (gradient.bias - self.both * of_slopes) / self.bias]
        if self.mixing is not None:
            parts.append(self.mixing.gradient(gradient.mixing).ravel())
        return np.concatenate(parts)
