r"""Objects that are odd as a whole, at a stated rate of false alarms.

An object's score is an order statistic of the robust weights $u = c / (c + t)$, $t = W r^2$, of its
pixels with data: the median, or the 1 % quantile, which a few bad pixels suffice to lower. Pixels
without data would have $u = 1$ and make half-empty objects look clean.

What score is low? If the model holds and error bars are right, $t$ has a $\chi^2$ distribution with
one degree of freedom and distribution function $F$. Of $n$ valid pixels the $m$-th smallest then
lies at $t_m = F^{-1}(p)$ with $p = m / (n + 1)$, give or take
$s_m = \sqrt{p (1 - p) / (n + 2)} / F'(t_m)$, and

$$x = \frac{h(t) - h(t_m)}{h'(t_m) \, s_m}$$

compares objects whatever their number of pixels. For the median $h(t) = \sqrt[3]{t}$ makes $x$
nearly normal, as Wilson and Hilferty knew, for the quantile $h(t) = \log t$ less so: with 30 to
1200 pixels the share beyond the normal quantile of $10^{-4}$ is up to 1.6 and 3.3 times that, in
simulations.

Real error bars are wrong by factors, which shift and widen $x$, and models are fitted, which shifts
it. So the null is taken from training objects: its centre is the median of $x$, its scale the
distance from there to the upper quartile, in units of a standard normal distribution, but never
below the theoretical 1. Neither feels outliers unless they are many. The significance of an object
is $(x - \mathrm{centre}) / \mathrm{scale}$, and it is flagged beyond a critical one:

- with a *normal* tail, the normal quantile of the false-alarm rate $\alpha$;
- with an *exponential* tail, that or more: the line through the quantiles at 0.9 and 0.975 of the
  training objects' significances against the logarithm of the share beyond, followed to $\alpha$.
  Real tails are heavier than normal ones; this one is followed from where it can still be seen, and
  holds as long as outliers are fewer than one object in forty.

No label is looked at, and since everything depends on $c$, a rule serves only the $c$ it was made
for.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.special import ndtri
from scipy.stats import chi2

from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.summary.residuals import Residuals, keep, residual_chunks

__all__ = [
    "ObjectRule",
    "ObjectScores",
    "Statistic",
    "Tail",
    "calibrate_objects",
    "chunk_scores",
    "follow_tail",
    "join_scores",
    "robust_null",
    "score_objects",
]

Statistic = Literal["median", "low"]
Tail = Literal["normal", "exponential"]
LEVELS = {"median": 0.5, "low": 0.01}
# Where an exponential tail is seen, as shares of the training objects beyond.
SEEN = (0.1, 0.025)
# Fewer training objects say too little about their own spread.
FEWEST = 20


@dataclass(frozen=True, slots=True, eq=False)
class ObjectScores:
    """The `median` and the `low` (1 %) quantile of each object's robust weights at one `c`.

    Both are order statistics over the `valid` pixels, the smallest weight with at least that share
    at or below it; NaN for an object without data.
    """

    c: float
    valid: Int[ndarray, " rows"]
    median: Float[ndarray, " rows"]
    low: Float[ndarray, " rows"]

    def of(self, statistic: Statistic) -> Float[ndarray, " rows"]:
        return self.median if statistic == "median" else self.low


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """When an object is an outlier, calibrated on `objects` training objects at one `c`.

    `false_alarm` is the probability that an ordinary object is flagged, which happens from the
    significance `critical` on.
    """

    statistic: Statistic
    c: float
    false_alarm: float
    centre: float
    scale: float
    critical: float
    objects: int

    def significance(self, scores: ObjectScores) -> Float[ndarray, " rows"]:
        """How far each object is from the ordinary, in standard deviations of those; NaN if empty.

        Positive where weights are low.
        """
        if not np.isclose(scores.c, self.c, rtol=1e-9):
            raise SettingsError(
                f"this rule was calibrated at c={self.c:g} and the scores are at c={scores.c:g}: "
                "calibrate a rule for each."
            )
        return (_departure(scores, self.statistic) - self.centre) / self.scale

    def flags(self, scores: ObjectScores) -> Bool[ndarray, " rows"]:
        """Which objects are outliers; one without data is not."""
        return self.significance(scores) > self.critical

    def cut(self, valid: Int[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """The score below which an object with that many valid pixels is flagged."""
        middle, spread = _null(valid, self.statistic)
        h = middle + spread * (self.centre + self.scale * self.critical)
        return keep(np.sqrt(_unbend(h, self.statistic)), self.c)


def score_objects(Y: ndarray, W: ndarray, A: ndarray, G: ndarray, c: float) -> ObjectScores:
    """Robust weights of each object, summed up over its valid pixels."""
    return join_scores([chunk_scores(chunk, c) for chunk in residual_chunks(Y, W, A, G)])


def calibrate_objects(
    scores: ObjectScores,
    statistic: Statistic = "median",
    false_alarm: float = 1e-4,
    tail: Tail = "exponential",
) -> ObjectRule:
    """The rule that flags an ordinary object with probability `false_alarm` or less.

    `scores` are those of training objects, outliers among them; no labels are needed.
    """
    if statistic not in get_args(Statistic):
        raise SettingsError(
            f"statistic={statistic!r} is unknown; choose one of {', '.join(get_args(Statistic))}."
        )
    if tail not in get_args(Tail):
        raise SettingsError(f"tail={tail!r} is unknown; choose one of {', '.join(get_args(Tail))}.")
    if not 0 < false_alarm < SEEN[1]:
        raise SettingsError(
            f"false_alarm={false_alarm!r} is a probability for each object: below {SEEN[1]}, and "
            "1e-4 for one in ten thousand."
        )
    departure = _departure(scores, statistic)
    departure = departure[~np.isnan(departure)]
    if len(departure) < FEWEST:
        raise InputError(
            f"{len(departure)} training objects with data are too few to calibrate a rule: at "
            f"least {FEWEST} are needed, and some hundred to do it well."
        )
    centre, scale = robust_null(departure)
    critical = float(-ndtri(false_alarm))
    if tail == "exponential":
        critical = max(critical, follow_tail((departure - centre) / scale, false_alarm))
    return ObjectRule(
        statistic, scores.c, false_alarm, centre, scale, critical, objects=len(departure)
    )


def robust_null(departure: Float[ndarray, " rows"]) -> tuple[float, float]:
    """Median, and upper quartile's distance as a standard deviation that is at least 1."""
    centre, upper = np.quantile(departure, [0.5, 0.75])
    return float(centre), max(1.0, float((upper - centre) / ndtri(0.75)))


def follow_tail(significance: Float[ndarray, " rows"], false_alarm: float) -> float:
    """Where the share beyond falls to `false_alarm` if it goes on falling as it is seen to."""
    near, far = np.quantile(significance, [1 - share for share in SEEN])
    return float(near + (far - near) * np.log(SEEN[0] / false_alarm) / np.log(SEEN[0] / SEEN[1]))


def chunk_scores(chunk: Residuals, c: float) -> ObjectScores:
    """`score_objects` of some rows."""
    if not (0 < c < np.inf):
        raise SettingsError(
            f"c={c!r}: object scores need robust weights, so c must be positive and finite. For a "
            "Gaussian fit choose the c at which to look, such as 25."
        )
    valid = chunk.valid.sum(axis=1)
    u = np.where(chunk.valid, keep(chunk.z, c), np.inf)
    u.sort(axis=1)
    found = {}
    for name, level in LEVELS.items():
        place = np.maximum(_rank(valid, level) - 1, 0)[:, None]
        score = np.take_along_axis(u, place, axis=1)[:, 0]
        found[name] = np.where(valid > 0, score, np.nan)
    return ObjectScores(c, valid, **found)


def join_scores(parts: list[ObjectScores]) -> ObjectScores:
    """Scores of several chunks as one value."""
    names = ("valid", "median", "low")
    return ObjectScores(
        parts[0].c, *(np.concatenate([getattr(p, n) for p in parts]) for n in names)
    )


def _rank(valid: Int[ndarray, " rows"], level: float) -> Int[ndarray, " rows"]:
    # 0.01 * 300 must be 3 although binary 0.01 is not.
    return np.ceil(level * valid - 1e-9).astype(np.int64)


def _departure(scores: ObjectScores, statistic: Statistic) -> Float[ndarray, " rows"]:
    """The `x` of the module docstring."""
    middle, spread = _null(scores.valid, statistic)
    t = scores.c * (1.0 / scores.of(statistic) - 1.0)
    return (_bend(t, statistic) - middle) / spread


def _null(
    valid: Int[ndarray, " rows"], statistic: Statistic
) -> tuple[Float[ndarray, " rows"], Float[ndarray, " rows"]]:
    """What `h` of the order statistic should be, and its standard deviation."""
    n = np.maximum(valid, 1)
    p = (n - _rank(n, LEVELS[statistic]) + 1) / (n + 1)
    t = chi2.ppf(p, 1)
    spread = np.sqrt(p * (1 - p) / (n + 2)) / chi2.pdf(t, 1)
    slope = np.cbrt(t) / (3 * t) if statistic == "median" else 1 / t
    return _bend(t, statistic), slope * spread


def _bend(t: Float[ndarray, " rows"], statistic: Statistic) -> Float[ndarray, " rows"]:
    """The `h` of the module docstring."""
    return np.cbrt(t) if statistic == "median" else np.log(np.maximum(t, np.finfo(float).tiny))


def _unbend(h: Float[ndarray, " rows"], statistic: Statistic) -> Float[ndarray, " rows"]:
    return np.maximum(h, 0.0) ** 3 if statistic == "median" else np.exp(h)
