"""`RobustHMF`: the same fit with scikit-learn's manners."""

from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.hmf.estimator.robusta import Robusta
from errorbar.hmf.fit.convergence import ConvStrategy
from errorbar.hmf.fit.rows import Device
from errorbar.hmf.fit.starts import InitStrategy
from errorbar.hmf.fit.state import RHMFState

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise MissingExtraError("scikit-learn", "hmf") from error

if TYPE_CHECKING:
    from optax import GradientTransformation

__all__ = ["RobustHMF"]


class RobustHMF(TransformerMixin, BaseEstimator):
    """Robust heteroskedastic matrix factorisation with scikit-learn's manners.

    Parameters are those of `Robusta`, with `n_components` for `rank` and `max_iter` beside them.
    `fit(X, W=None)` takes inverse variances beside the data, `W=0` where a pixel is missing; with
    no `W` all errors are one and NaN is missing.

    Attributes
    ----------
    components_
        Basis vectors, one a row.
    coefficients_
        Coefficients of the rows that were fitted.
    n_features_in_, n_iter_, converged_, loss_curve_
        Pixels, iterations, whether it came to rest, the objective on the way.
    """

    def __init__(
        self,
        n_components: int = 5,
        *,
        robust: bool = True,
        robust_scale: float = 3.0,
        robust_nu: float = 1.0,
        method: str = "als",
        init_strategy: str = "auto",
        n_init: int = 1,
        conv_strategy: str = "rel_frac_loss",
        conv_tol: float | None = None,
        conv_check_cadence: int = 10,
        rotation: str = "fast",
        ridge: float = 0.0,
        smooth: float = 0.0,
        nonnegative: bool = False,
        mean: bool = False,
        refits: int = 2,
        max_iter: int = 1000,
        random_state: int = 0,
        workers: int | None = None,
        device: Device = "auto",
        learning_rate: float = 0.05,
        batch_rows: int = 256,
        optimizer: "str | GradientTransformation" = "adafactor",
    ) -> None:
        self.n_components = n_components
        self.robust = robust
        self.robust_scale = robust_scale
        self.robust_nu = robust_nu
        self.method = method
        self.init_strategy = init_strategy
        self.n_init = n_init
        self.conv_strategy = conv_strategy
        self.conv_tol = conv_tol
        self.conv_check_cadence = conv_check_cadence
        self.rotation = rotation
        self.ridge = ridge
        self.smooth = smooth
        self.nonnegative = nonnegative
        self.mean = mean
        self.refits = refits
        self.max_iter = max_iter
        self.random_state = random_state
        self.workers = workers
        self.device: Device = device
        self.learning_rate = learning_rate
        self.batch_rows = batch_rows
        self.optimizer = optimizer

    def fit(self, X: ArrayLike, y: object = None, *, W: ArrayLike | None = None) -> Self:
        """Fit the basis to rows of data."""
        self._fit(X, W)
        return self

    def fit_transform(
        self, X: ArrayLike, y: object = None, *, W: ArrayLike | None = None, **fit_params: Any
    ) -> ndarray:
        """Fit, and the coefficients of the rows."""
        if fit_params:
            raise SettingsError(f"fit_transform knows no {', '.join(fit_params)}; it takes W.")
        self._fit(X, W)
        return self.coefficients_

    def transform(self, X: ArrayLike, W: ArrayLike | None = None) -> ndarray:
        """Coefficients of rows on the fitted basis."""
        values = self._checked(X, reset=False)
        state, _ = self._inferred(values, W)
        return state.A

    def inverse_transform(self, X: ArrayLike) -> ndarray:
        """Data from coefficients."""
        check_is_fitted(self)
        coefficients = np.asarray(X, dtype=np.float64)
        rank = len(self.components_)
        if coefficients.ndim != 2 or coefficients.shape[1] != rank:
            raise SettingsError(
                f"coefficients of shape {coefficients.shape} were given and the basis has {rank} "
                "vectors."
            )
        return coefficients @ self.components_

    def score(self, X: ArrayLike, y: object = None, *, W: ArrayLike | None = None) -> float:
        """Minus the mean objective of a valid pixel: larger is better, for one likelihood."""
        values = self._checked(X, reset=False)
        _, losses = self._inferred(values, W)
        valid = max(int((self._weights(values, W) > 0).sum()), 1)
        return -float(losses[-1]) / valid

    def __sklearn_tags__(self) -> Any:
        tags: Any = cast("Any", super()).__sklearn_tags__()
        # NaN is a missing pixel.
        tags.input_tags.allow_nan = True
        return tags

    def _fit(self, X: ArrayLike, W: ArrayLike | None) -> None:
        values = self._checked(X, reset=True)
        model = self._model()
        state, losses = model.fit(values, self._weights(values, W), self.max_iter)
        self.components_ = state.G.T.copy()
        self.coefficients_ = state.A
        self.loss_curve_ = losses
        self.n_iter_ = state.it
        self.converged_ = bool(model.converged)

    def _inferred(self, values: ndarray, W: ArrayLike | None) -> tuple[RHMFState, ndarray]:
        basis = np.ascontiguousarray(self.components_.T)
        held = RHMFState(np.zeros((0, basis.shape[1])), basis, self.n_iter_)
        return self._model().infer(
            values, self._weights(values, W), held, max_iter=self.max_iter, tol=1e-10
        )

    def _checked(self, X: ArrayLike, *, reset: bool) -> ndarray:
        if not reset:
            check_is_fitted(self)
        checked: Any = cast("Any", validate_data)(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        return np.ascontiguousarray(checked)

    @staticmethod
    def _weights(values: ndarray, W: ArrayLike | None) -> ndarray:
        if W is None:
            return np.isfinite(values).astype(values.dtype)
        return np.asarray(W, dtype=values.dtype)

    def _model(self) -> Robusta:
        return Robusta(
            self.n_components,
            robust=self.robust,
            robust_scale=self.robust_scale,
            robust_nu=self.robust_nu,
            method=cast("Literal['als', 'sgd']", self.method),
            init_strategy=cast("InitStrategy", self.init_strategy),
            n_init=self.n_init,
            conv_strategy=cast("ConvStrategy", self.conv_strategy),
            conv_tol=self.conv_tol,
            conv_check_cadence=self.conv_check_cadence,
            rotation=self.rotation,
            ridge=self.ridge,
            smooth=self.smooth,
            nonnegative=self.nonnegative,
            mean=self.mean,
            refits=self.refits,
            seed=self.random_state,
            workers=self.workers,
            device=self.device,
            learning_rate=self.learning_rate,
            batch_rows=self.batch_rows,
            optimizer=self.optimizer,
        )
