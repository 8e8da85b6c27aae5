r"""Exact summaries of a low-dimensional posterior by summing it over a lattice.

A posterior with few parameters that matter (`outer`, $u \in R^d$, $d \le 4$) and any number of
linear ones (`inner`, normal given $u$) needs no Markov chain. The trapezoid rule on an unbounded
smooth integrand converges geometrically, so a sum over a few hundred points of a lattice laid
along the posterior's own axes is as good as exact:

1. damped Newton to the mode, Hessian by differences;
2. lattice $u = o + L(h \circ i)$, $i$ integer, $L$ the Cholesky factor of the inverse Hessian;
3. flood fill from the mode, as far as $\log f$ stays within `cut` of the maximum;
4. for each axis the sum over every second plane is compared with the whole: the difference bounds
   the error (it is about its square), and the axis' step shrinks until it is small;
5. inner parameters are then mixtures of normals over the nodes, outer marginals come from the
   lattice lines, interpolated in $\log f$.

**Scales and their boundary.** A scale $s \ge 0$ enters as $s = c \sinh t$. The integrand is even
in $t$ (together with a change of sign of any correlation), so a posterior that reaches $s = 0$ is
summed over $t \ge 0$ with half weight on the face and keeps geometric convergence, on a lattice
along the axes. Odd statistics (the mean of $s$ itself) take the weight of the sinc interpolant's
half-line integral, $(2/\pi)\,\mathrm{Si}(\pi i)$, instead of one.

A density is a compiled function `(u, data, hyper, out) -> log f` that also writes the inner means
and their packed lower covariance into `out`; it is passed as a first-class function, so that the
kernels are compiled once for all models.

Each file here is one piece of machine code, kept on disk and called by the next through its
address: the compiler would otherwise optimise every piece again inside each of its callers.
"""

from errorbar.core.maths.lattice.sums import evaluate, sum_batch, sum_nodes
from errorbar.core.maths.lattice.values import (
    CONVERGED,
    IDENTITY,
    LOGISTIC,
    NO_MODE,
    NOT_FINITE,
    SINH,
    TANH,
    TOO_MANY_NODES,
    Accuracy,
    NodeSum,
    Sums,
)

__all__ = [
    "CONVERGED",
    "IDENTITY",
    "LOGISTIC",
    "NOT_FINITE",
    "NO_MODE",
    "SINH",
    "TANH",
    "TOO_MANY_NODES",
    "Accuracy",
    "NodeSum",
    "Sums",
    "evaluate",
    "sum_batch",
    "sum_nodes",
]
