r"""Objects that a basis fits well and whose coefficients are unlike all others, or hardly there.

Residuals say nothing of such objects: a galaxy among stars that the basis happens to hold, or a
fibre without a target, whose noise is fitted within its errors.

**Unlike the others.** Loci of stars are curved and fall into parts, so that an object is compared
with its neighbours, not with the middle. Brightness is not oddness: a neighbour counts at the
brightness $s \ge 0$ at which it comes nearest. With $a$ and its covariance $C$, and a reference
object of direction $d_j = a_j / |a_j|$,

$$D_j^2 = \min_{s \ge 0} (a - s d_j)^\top (C + |a|^2 \kappa r_j^2 S)^{-1} (a - s d_j).$$

$S$ is the robust scatter of the references, $r_j$ the distance from $j$ to its own fifth neighbour
in units of $S$, and so wide where objects are rare. The score is the fifth smallest $D^2$. A bright
object is measured by the spacing of its neighbours; of a faint one $C$ is most of the matrix, and
being ill known makes it ordinary. $\kappa$ is such that one in ten of the references, each left out
of its own neighbours, is beyond what one in ten is of $\chi^2$ with $K - 1$ degrees of freedom; in
the cube root, which is nearly normal then, the tail is followed from there to the false-alarm rate
as in `errorbar.hmf.summary.objects`. In simulations with 1500 training objects the share of
ordinary ones beyond is 0.4 to 1.4 times a rate of 1e-2, and up to 4 times one of 1e-3. References
are training objects whose direction is known better than it scatters, so that empty spectra are
nobody's neighbours and take no part in the calibration.

**No signal.** The signal of an object is $\sqrt{a^\top C^{-1} a / \sum_j u_j}$, the rms of its
model in units of the noise of a pixel. A spectrum is empty if that is below `least_signal` and also
so low that at most a share `false_alarm` of ordinary objects is as faint. How far the logarithm of
the signal scatters is seen on the *bright* side of the training objects and mirrored: surveys end
more sharply on the faint side, and there the empty ones are, which may be one in four. A test
against exactly zero would not do: imperfectly subtracted sky is far from zero in units of the
formal errors of so many pixels.

No label is looked at. A kind with fewer than six members among the references is unlike the others,
be they as good as any.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.spatial import KDTree
from scipy.special import ndtri
from scipy.stats import chi2

from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.fit.covariance import FactorErrors
from errorbar.hmf.summary.objects import FEWEST, SEEN, follow_tail

__all__ = [
    "CoefficientRule",
    "CoefficientScores",
    "calibrate_coefficients",
    "score_coefficients",
]

# More references say no more about a locus, and each is compared with each object.
MOST = 2000
# Of how many references the scores settle `kappa`.
SETTLING = 400
# Numbers looked at together.
CHUNK = 1 << 21


@dataclass(frozen=True, slots=True, eq=False)
class CoefficientRule:
    """What is ordinary, learnt from `objects` training objects.

    `references` are their coefficients, as directions if `directions`, `reach` the squared widths
    of their neighbourhoods in units of `scatter`. An ordinary object exceeds the significance
    `critical`, or `critical_faint`, with probability `false_alarm`; `brightness` is the centre and
    the scale of the logarithm of ordinary signals.
    """

    references: Float[ndarray, "references rank"]
    reach: Float[ndarray, " references"]
    scatter: Float[ndarray, "rank rank"]
    directions: bool
    neighbours: int
    false_alarm: float
    least_signal: float
    critical: float
    critical_faint: float
    brightness: tuple[float, float]
    objects: int

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a faint object's score."""
        return max(1, self.references.shape[1] - self.directions)


@dataclass(frozen=True, slots=True, eq=False)
class CoefficientScores:
    """How each object's coefficients compare with those of a rule's references.

    `unlike` and `faint` are in standard deviations of the ordinary, `signal` is in units of the
    noise of a pixel. All are NaN for objects that the data leave open: nothing is known of them.
    """

    rule: CoefficientRule
    unlike: Float[ndarray, " rows"]
    faint: Float[ndarray, " rows"]
    signal: Float[ndarray, " rows"]

    @property
    def odd(self) -> Bool[ndarray, " rows"]:
        """Which have a signal and coefficients unlike the others."""
        return (self.unlike > self.rule.critical) & ~self.empty

    @property
    def empty(self) -> Bool[ndarray, " rows"]:
        """Which have no signal."""
        return (self.faint > self.rule.critical_faint) & (self.signal < self.rule.least_signal)

    @property
    def flags(self) -> Bool[ndarray, " rows"]:
        """Which are outliers for either reason."""
        return self.odd | self.empty

    @property
    def significance(self) -> Float[ndarray, " rows"]:
        """That of the reason of a flagged object, elsewhere of its coefficients."""
        return np.where(self.empty, self.faint, self.unlike)


def calibrate_coefficients(
    A: Float[ndarray, "rows rank"],
    errors: FactorErrors,
    *,
    false_alarm: float = 1e-3,
    neighbours: int = 5,
    directions: bool = True,
    least_signal: float = 1.0,
    seed: int = 0,
) -> CoefficientRule:
    """The rule that calls an ordinary object odd with probability `false_alarm`, likewise empty.

    `A` and `errors` are those of training objects, outliers among them. With `directions` false
    brightness counts as any other property does: for spectra about a mean, or on a common scale. A
    spectrum with more signal than `least_signal`, in units of the noise of a pixel, is not empty
    whatever others are; 0 looks for no empty ones. `seed` chooses the references where there are
    more than two thousand.
    """
    if not 0 < false_alarm < SEEN[1]:
        raise SettingsError(
            f"false_alarm={false_alarm!r} is a probability for each object: below {SEEN[1]}, and "
            "1e-3 for one in a thousand."
        )
    if neighbours < 1:
        raise SettingsError(f"neighbours={neighbours} must be at least 1.")
    if not least_signal >= 0:
        raise SettingsError(f"least_signal={least_signal!r} must be zero or positive.")
    known = _known(A, errors)
    if directions and errors.free < A.shape[1]:
        raise SettingsError(
            "coefficients about a mean have no direction: calibrate with directions=False."
        )
    if known.sum() < max(FEWEST, neighbours + 2):
        raise InputError(
            f"{int(known.sum())} training objects with known coefficients are too few to learn "
            f"what is ordinary: at least {max(FEWEST, neighbours + 2)} are needed, and some "
            "hundred to do it well."
        )
    a, C = _free(A, errors, known)
    brightness, critical_faint = _bright_side(
        np.log(_signal(a, C, errors.kept[known])), false_alarm
    )
    size = np.linalg.norm(a, axis=1) if directions else np.ones(len(a))
    size = np.where(size > 0, size, 1.0)
    d, relative = a / size[:, None], C / np.square(size)[:, None, None]
    if directions:
        # What is not known of the brightness does not blur a direction.
        across = np.eye(a.shape[1]) - d[:, :, None] * d[:, None, :]
        relative = across @ relative @ across
    scatter, chosen = _references(d, relative, max(FEWEST, neighbours + 2))
    if len(chosen) > MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, MOST, replace=False))
    rule = CoefficientRule(
        references=d[chosen],
        reach=_reach(d[chosen], scatter, neighbours),
        scatter=scatter,
        directions=directions,
        neighbours=neighbours,
        false_alarm=false_alarm,
        least_signal=least_signal,
        critical=np.inf,
        critical_faint=critical_faint,
        brightness=brightness,
        objects=int(known.sum()),
    )
    few = chosen[:: -(-len(chosen) // SETTLING)]
    for _ in range(6):
        far = float(np.quantile(_distances(a[few], C[few], rule), 1.0 - SEEN[0]))
        kappa = max(far, 1e-6) / float(chi2.isf(SEEN[0], rule.freedom))
        rule = replace(rule, reach=kappa * rule.reach)
    tail = follow_tail(_bend(_distances(a[chosen], C[chosen], rule), rule.freedom), false_alarm)
    return replace(rule, critical=max(float(-ndtri(false_alarm)), tail))


def score_coefficients(
    A: Float[ndarray, "rows rank"], errors: FactorErrors, rule: CoefficientRule
) -> CoefficientScores:
    """Scores of objects under a rule; a training object is not its own neighbour."""
    known = _known(A, errors)
    if errors.free != rule.references.shape[1]:
        raise InputError(
            f"the rule was learnt from {rule.references.shape[1]} free coefficients and these "
            f"objects have {errors.free}: score with the basis that the rule was learnt with."
        )
    a, C = _free(A, errors, known)
    unlike, faint, signal = np.full((3, len(A)), np.nan)
    unlike[known] = _bend(_distances(a, C, rule), rule.freedom)
    signal[known] = _signal(a, C, errors.kept[known])
    faint[known] = (rule.brightness[0] - np.log(signal[known])) / rule.brightness[1]
    return CoefficientScores(rule, unlike, faint, signal)


def _known(A: ndarray, errors: FactorErrors) -> ndarray:
    if A.ndim != 2 or errors.covariance.shape[:2] != A.shape:
        raise InputError(
            f"coefficients {A.shape} and covariances {errors.covariance.shape} do not fit "
            "together: pass errors made with the same state."
        )
    return ~errors.open & np.isfinite(A).all(axis=1) & np.isfinite(errors.covariance).all((1, 2))


def _free(A: ndarray, errors: FactorErrors, known: ndarray) -> tuple[ndarray, ndarray]:
    free = errors.free
    return A[known][:, :free], errors.covariance[known][:, :free, :free]


def _signal(a: ndarray, C: ndarray, kept: ndarray) -> ndarray:
    squares = np.einsum("nk,nk->n", a, np.linalg.solve(C, a[:, :, None])[:, :, 0])
    return np.sqrt(np.maximum(squares, np.finfo(float).tiny) / kept)


def _bright_side(logarithm: ndarray, false_alarm: float) -> tuple[tuple[float, float], float]:
    """Centre and scale of a logarithm of signals, and the critical distance from there."""
    centre, upper = np.quantile(logarithm, [0.5, 0.75])
    scale = max(float((upper - centre) / ndtri(0.75)), 1e-3)
    tail = follow_tail((logarithm - centre) / scale, false_alarm)
    return (float(centre), scale), max(float(-ndtri(false_alarm)), tail)


def _references(d: ndarray, relative: ndarray, fewest: int) -> tuple[ndarray, ndarray]:
    """The scatter of the better known half, and which objects are known better than that."""
    blur = np.trace(relative, axis1=1, axis2=2)
    scatter = _scatter(d[blur <= np.median(blur)])
    blur = np.einsum("ij,nji->n", np.linalg.inv(scatter), relative)
    chosen = np.flatnonzero(blur < d.shape[1])
    if len(chosen) < fewest:
        chosen = np.sort(np.argsort(blur, kind="stable")[: max(fewest, len(d) // 2)])
    return scatter, chosen


def _scatter(d: ndarray, nu: float = 3.0) -> ndarray:
    """Scatter by maximum likelihood of a multivariate Student's t, to which a few are nothing."""
    rank = d.shape[1]
    weight = np.ones(len(d))
    scatter = np.eye(rank)
    for _ in range(50):
        off = d - weight @ d / weight.sum()
        scatter = (weight[:, None] * off).T @ off / len(d)
        # On the sphere a tight population has next to no extent along itself.
        scatter += (1e-6 * np.trace(scatter) / rank + np.finfo(float).tiny) * np.eye(rank)
        t = np.einsum("nk,nk->n", off, np.linalg.solve(scatter, off.T).T)
        weight = (nu + rank) / (nu + t)
    return scatter


def _reach(d: ndarray, scatter: ndarray, neighbours: int) -> ndarray:
    white = d @ np.linalg.inv(np.linalg.cholesky(scatter)).T
    squares = np.square(KDTree(white).query(white, neighbours + 1)[0][:, -1])
    # Copies of one object are no distance apart, and a width of zero would divide by it.
    return np.maximum(squares, 1e-6 * np.median(squares) + 1e-12)


def _distances(a: ndarray, C: ndarray, rule: CoefficientRule) -> ndarray:
    """The `neighbours`-th smallest $D^2$ of each object."""
    half = np.linalg.inv(np.linalg.cholesky(rule.scatter))
    white, found = rule.references @ half.T, np.empty(len(a))
    step = max(1, CHUNK // max(1, rule.references.size))
    for first in range(0, len(a), step):
        rows = slice(first, first + step)
        found[rows] = _chunk_distances(a[rows], C[rows], half, white, rule)
    return found


def _chunk_distances(
    a: ndarray, C: ndarray, half: ndarray, white: ndarray, rule: CoefficientRule
) -> ndarray:
    # In axes in which both S and C are diagonal every neighbour's matrix is.
    noise, turn = np.linalg.eigh(half @ C @ half.T)
    own = np.einsum("nij,ni->nj", turn, a @ half.T)[:, None, :]
    other = white @ turn
    size2 = np.square(a).sum(1) if rule.directions else np.ones(len(a))
    weight = 1.0 / (np.maximum(noise, 0.0)[:, None, :] + size2[:, None, None] * rule.reach[:, None])
    if rule.directions:
        along, length = (weight * own * other).sum(2), (weight * other * other).sum(2)
        squares = (weight * own * own).sum(2) - np.square(np.maximum(along, 0.0)) / length
    else:
        squares = (weight * np.square(own - other)).sum(2)
    place = a / np.sqrt(size2)[:, None] if rule.directions else a
    # Itself, if it is a reference, but none of its copies.
    itself = (rule.references == place[:, None, :]).all(2)
    itself &= np.cumsum(itself, axis=1) == 1
    squares = np.where(itself, np.inf, np.maximum(squares, 0.0))
    nearest = min(rule.neighbours, white.shape[0] - 1) - 1
    return np.partition(squares, nearest, axis=1)[:, nearest]


def _bend(squares: ndarray, freedom: int) -> ndarray:
    """Wilson and Hilferty's nearly normal form of a chi squared."""
    spread = 2.0 / (9.0 * freedom)
    return (np.cbrt(squares / freedom) - 1.0 + spread) / np.sqrt(spread)
