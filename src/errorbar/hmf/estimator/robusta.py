"""`Robusta`: the class the field knows, with its names, over the functions of `fit`."""

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.artifact import Artifact, read_artifact, write_artifact
from errorbar.core.errors import ArtifactError, FitError, SettingsError
from errorbar.core.predict import Prediction
from errorbar.hmf.data import check_matrix, describe_matrix
from errorbar.hmf.fit.als import AlsSettings, Callback, Factorisation, Tell
from errorbar.hmf.fit.checkpoint import Checkpoint
from errorbar.hmf.fit.convergence import ConvStrategy, usual_tol
from errorbar.hmf.fit.covariance import ErrorForm, FactorErrors, basis_errors, coefficient_errors
from errorbar.hmf.fit.infer import infer_coefficients, objective_of
from errorbar.hmf.fit.progress import progress_line
from errorbar.hmf.fit.reconstruction import reconstruction_variance
from errorbar.hmf.fit.rows import Device, check_device
from errorbar.hmf.fit.run import fit_factors
from errorbar.hmf.fit.sgd import SgdSettings
from errorbar.hmf.fit.starts import InitStrategy
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import (
    FastAffine,
    GaussianLikelihood,
    Identity,
    Likelihood,
    Ordered,
    Regulariser,
    Rotation,
    SlowAffine,
    StudentTLikelihood,
)

if TYPE_CHECKING:
    from optax import GradientTransformation

__all__ = ["MODEL_KIND", "ROTATIONS", "Robusta", "UnknownRowsWarning"]

MODEL_KIND = "hmf model"
ROTATIONS: Mapping[str, Rotation] = {
    "fast": FastAffine(),
    "slow": SlowAffine(),
    "identity": Identity(),
}
KINDS: Mapping[str, Any] = {
    kind.__name__: kind for kind in (FastAffine, SlowAffine, Identity, Ordered)
}


class UnknownRowsWarning(UserWarning):
    """Some rows or pixels hold too few data for the rank."""


class Robusta:
    """Robust heteroskedastic matrix factorisation: `Y ≈ A G.T`, each pixel with its own error.

    Parameters
    ----------
    rank
        Number of basis vectors.
    robust, robust_scale, robust_nu
        Student's t with `robust_nu` degrees of freedom times `robust_scale`, or normal errors.
        Only `robust_nu * robust_scale**2` matters.
    init_strategy
        Where to begin: `auto`, `weighted`, `spare`, `subsample`, `svd` (the reference code's),
        `random` (`errorbar.hmf.fit.starts`).
    n_init
        Starts; a few iterations from each, and the one of lowest objective goes on.
    conv_strategy, conv_tol, conv_check_cadence
        When to stop (`errorbar.hmf.fit.convergence`): by default when ten iterations gain less than
        5e-5 of the objective. The reference code's rules are `max_frac_G` and `max_frac_A`, with a
        squared change of 1e-3 unless told otherwise.
    rotation
        `fast`, `slow`, `identity`, or a `Rotation`: the gauge on the way.
    ordered
        Turn the result to an orthonormal basis with the most important vector first.
    ridge, smooth, nonnegative, mean
        What is preferred where the data leave a choice (`Regulariser`).
    refits
        How often a row is solved while it is at hand.
    learning_rate, batch_rows, optimizer
        Of `method="sgd"`: the first rate, the rows of a batch, and one of Optax's optimisers by
        name or a gradient transformation (`errorbar.hmf.fit.sgd`).
    seed
        Everything random comes from this number.
    workers
        Threads; results do not depend on them.
    device
        `cpu` for the fused kernel, `jax` for products of matrices on JAX's default device, `auto`
        for the latter where that is a GPU with room for data that are worth it.
    """

    def __init__(
        self,
        rank: int = 5,
        *,
        robust: bool = True,
        robust_scale: float = 1.0,
        robust_nu: float = 1.0,
        method: Literal["als", "sgd"] = "als",
        init_strategy: InitStrategy = "auto",
        n_init: int = 1,
        conv_strategy: ConvStrategy = "rel_frac_loss",
        conv_tol: float | None = None,
        conv_check_cadence: int = 10,
        rotation: str | Rotation = "fast",
        ordered: bool = True,
        ridge: float = 0.0,
        smooth: float = 0.0,
        nonnegative: bool = False,
        mean: bool = False,
        refits: int = 2,
        seed: int = 0,
        workers: int | None = None,
        device: Device = "auto",
        learning_rate: float = 0.05,
        batch_rows: int = 256,
        optimizer: "str | GradientTransformation" = "adafactor",
    ) -> None:
        if not isinstance(rank, Integral):
            raise SettingsError(f"rank={rank!r} must be a whole number.")
        given = dict(locals())
        self._given = {name: given[name] for name in inspect.signature(Robusta).parameters}
        self.rank = int(rank)
        self.likelihood: Likelihood = (
            StudentTLikelihood(float(robust_nu), float(robust_scale))
            if robust
            else GaussianLikelihood()
        )
        self.regulariser = Regulariser(
            ridge=ridge, smooth=smooth, nonnegative=nonnegative, mean=mean
        )
        self.method = method
        self.init_strategy: InitStrategy = init_strategy
        self.n_init = n_init
        self.settings = AlsSettings(
            conv_strategy=conv_strategy,
            conv_tol=usual_tol(conv_strategy) if conv_tol is None else conv_tol,
            conv_check_cadence=conv_check_cadence,
            rotation=_rotation(rotation),
            regulariser=self.regulariser,
            refits=refits,
            ordered=ordered,
        )
        self.sgd = SgdSettings(learning_rate, batch_rows, optimizer)
        self.seed = seed
        self.workers = workers
        self.device: Device = device
        self.state: RHMFState | None = None
        self.converged: bool | None = None
        self.wavelength: ndarray | None = None
        if rank < 1:
            raise SettingsError(f"rank={rank} must be at least 1.")
        check_device(device)
        if method not in ("als", "sgd"):
            raise SettingsError(f"method={method!r} is not known; choose 'als' or 'sgd'.")

    def __repr__(self) -> str:
        usual = inspect.signature(Robusta).parameters
        told = [
            f"{name}={value!r}"
            for name, value in self._given.items()
            if name == "rank" or (value != usual[name].default and not _usual(name, value))
        ]
        return f"Robusta({', '.join(told)})"

    def fit(
        self,
        Y: ArrayLike,
        W: ArrayLike | None = None,
        max_iter: int = 1000,
        *,
        mask: ArrayLike | None = None,
        init_state: RHMFState | None = None,
        callback: Callback | None = None,
        checkpoint: str | Path | Checkpoint | None = None,
        progress: bool | None = False,
    ) -> tuple[RHMFState, ndarray]:
        """The state and the objective on the way; the state is kept as `self.state` too.

        With a `checkpoint` file a fit that was killed goes on when it is called again with the
        same data and settings, and ends with the same bytes; so does one that `max_iter` ended.
        `progress` writes a line to standard error; None does so where that is a terminal.
        """
        values, weights = check_matrix(Y, W, mask=mask)
        _warn_of_gaps(values, weights, self.rank)
        if isinstance(checkpoint, str | Path):
            checkpoint = Checkpoint(Path(checkpoint))
        with progress_line(progress, self.settings.conv_tol, max_iter) as tell:
            fit = self._fit(values, weights, max_iter, init_state, callback, checkpoint, tell)
        self.state, self.converged = fit.state, fit.converged
        return fit.state, fit.losses

    def _fit(
        self,
        Y: ndarray,
        W: ndarray,
        max_iter: int,
        init_state: RHMFState | None,
        callback: Callback | None,
        checkpoint: Checkpoint | None,
        tell: Tell | None,
    ) -> Factorisation:
        return fit_factors(
            Y,
            W,
            self.rank,
            self.likelihood,
            self.settings.with_max_iter(max_iter),
            method=self.method,
            start=self.init_strategy if init_state is None else init_state,
            n_init=self.n_init,
            seed=self.seed,
            callback=callback,
            workers=self.workers,
            device=self.device,
            sgd=self.sgd,
            checkpoint=checkpoint,
            tell=tell,
        )

    def infer(
        self,
        Y_infer: ArrayLike,
        W_infer: ArrayLike | None = None,
        state: RHMFState | None = None,
        max_iter: int = 100,
        *,
        tol: float = 1e-3,
        mask: ArrayLike | None = None,
    ) -> tuple[RHMFState, ndarray]:
        """Coefficients of new rows on the basis as it is, and their objective.

        One spectrum may be given as a vector.
        """
        held = self._state(state)
        values, weights = check_matrix(*_as_rows(Y_infer, W_infer), mask=mask)
        self._check_pixels(values, held)
        _warn_of_gaps(values, weights, self.rank, rows_only=True)
        found = infer_coefficients(
            values, weights, held.G, self.likelihood, regulariser=self.regulariser,
            max_iter=max_iter, tol=tol, workers=self.workers, device=self.device,
        )  # fmt: skip
        slow = np.flatnonzero(~found.converged)
        if slow.size:
            warnings.warn(
                f"{slow.size} rows were still moving after max_iter={max_iter} passes, the first "
                f"is {slow[0]}: allow more, or a larger tol than {tol:g}.",
                UnknownRowsWarning,
                stacklevel=2,
            )
        state = RHMFState(found.A, held.G, held.it)
        loss = objective_of(
            values, weights, found.A, held.G, self.likelihood,
            workers=self.workers, device=self.device,
        )  # fmt: skip
        return state, np.array([loss])

    def predict(
        self,
        Y: ArrayLike,
        W: ArrayLike | None = None,
        *,
        of: Literal["pixels", "coefficients"] = "pixels",
        form: ErrorForm = "scaled",
        basis: FactorErrors | None = None,
        rows: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        max_iter: int = 1000,
        tol: float = 1e-12,
    ) -> Prediction:
        """Every row's noiseless spectrum, or its coefficients, with error bars.

        `form` is how far `W` is believed (`errorbar.hmf.fit.covariance`). The basis counts as
        known, unless its errors are given: `basis=model.basis_errors(Y, W)` of the data that were
        fitted. Rows are named by their places, or by `rows`. What the data leave open has an
        infinite standard deviation.
        """
        if of not in ("pixels", "coefficients"):
            raise SettingsError(f"of={of!r} is not predicted; choose 'pixels' or 'coefficients'.")
        if of == "coefficients" and basis is not None:
            raise SettingsError(
                "errors of the basis are errors of spectra; coefficients are those on the basis as "
                "it is: leave out `basis`, or predict pixels."
            )
        values, weights = check_matrix(*_as_rows(Y, W), mask=mask)
        held, _ = self.infer(values, weights, max_iter=max_iter, tol=tol)
        errors = coefficient_errors(
            values, weights, held.A, held.G, self.likelihood, form=form,
            regulariser=self.regulariser,
        )  # fmt: skip
        names = np.arange(len(values)) if rows is None else np.asarray(rows)
        if of == "coefficients":
            return Prediction(held.A, errors.sd, names, errors.root)
        variance = reconstruction_variance(held.A, held.G, errors, basis)
        return Prediction(self.synthesize(held), np.sqrt(variance), names, errors.root, held.G)

    def basis_errors(
        self,
        Y: ArrayLike,
        W: ArrayLike | None = None,
        *,
        form: ErrorForm = "scaled",
        mask: ArrayLike | None = None,
    ) -> FactorErrors:
        """Errors of each pixel's basis vector, from the data that were fitted."""
        values, weights = check_matrix(Y, W, mask=mask)
        held = self._state(None)
        if values.shape != (len(held.A), len(held.G)):
            raise SettingsError(
                f"the data have shape {values.shape} and {(len(held.A), len(held.G))} were fitted: "
                "errors of the basis come from the rows that made it."
            )
        return basis_errors(
            values, weights, held.A, held.G, self.likelihood, form=form,
            regulariser=self.regulariser,
        )  # fmt: skip

    def synthesize(self, state: RHMFState | None = None) -> ndarray:
        """The data as the factors have them."""
        held = self._state(state)
        return held.A @ held.G.T

    def residuals(self, Y: ArrayLike, state: RHMFState | None = None) -> ndarray:
        """Data less model."""
        values = np.asarray(np.ma.getdata(Y), dtype=np.float64)
        held = self._state(state)
        if values.shape != (len(held.A), len(held.G)):
            raise SettingsError(
                f"the data have shape {values.shape} and the state describes "
                f"{(len(held.A), len(held.G))}: for other rows pass the state that `infer` gives."
            )
        return values - self.synthesize(held)

    def robust_weights(
        self, Y: ArrayLike, W: ArrayLike | None = None, state: RHMFState | None = None
    ) -> ndarray:
        """The share of its weight that each pixel keeps, 0 to 1; one where nothing was measured."""
        values, weights = check_matrix(Y, W)
        return self.likelihood.robust_weights(weights, self.residuals(values, state))

    def basis_vectors(self, state: RHMFState | None = None) -> ndarray:
        """The basis, pixels by rank."""
        return self._state(state).G

    def coefficients(self, state: RHMFState | None = None) -> ndarray:
        """The coefficients, rows by rank."""
        return self._state(state).A

    def save(self, path: str | Path) -> Path:
        """The state with everything that made it, as one artifact."""
        held = self._state(None)
        kind = type(self.settings.rotation).__name__
        if Path(path).suffix == ".npz":
            raise SettingsError(f"{path}: a model is no .npz archive; call it .safetensors.")
        if kind not in KINDS:
            raise ArtifactError(
                f"the rotation {kind} is not one of {', '.join(KINDS)}, and what it does cannot be "
                "saved: fit with one of these."
            )
        # An optimiser ready made has no name; it is not kept.
        settings = {
            name: value
            for name, value in self._given.items()
            if name != "optimizer" or isinstance(value, str)
        }
        settings["rotation"] = {"kind": kind, **asdict(self.settings.rotation)}
        arrays = {"A": held.A, "G": held.G}
        if self.wavelength is not None:
            arrays["wavelength"] = self.wavelength
        manifest = {"settings": settings, "it": held.it, "converged": self.converged}
        return write_artifact(path, MODEL_KIND, arrays, manifest)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A model that was saved; or, from a `.npz` of the reference code, its state alone."""
        if Path(path).suffix == ".npz":
            return cls._from_npz(Path(path))
        held: Artifact = read_artifact(path, MODEL_KIND)
        manifest: Any = held.manifest
        settings: dict[str, Any] = dict(manifest["settings"])
        rotation = dict(settings["rotation"])
        settings["rotation"] = KINDS[rotation.pop("kind")](**rotation)
        model = cls(**settings)
        model.state = RHMFState(held.arrays["A"], held.arrays["G"], int(manifest["it"]))
        model.wavelength = held.arrays.get("wavelength")
        model.converged = manifest["converged"]
        return model

    @classmethod
    def _from_npz(cls, path: Path) -> Self:
        try:
            archive = np.load(path, allow_pickle=False)
        except (ValueError, OSError) as error:
            raise ArtifactError(
                f"{path} is no .npz archive of arrays: a state of the reference code is one, and "
                "what `save` writes is called .safetensors."
            ) from error
        with archive as held:
            missing = [name for name in ("A", "G") if name not in held]
            if missing:
                raise ArtifactError(
                    f"{path} has no {' and no '.join(missing)}; it has {', '.join(held)}: a saved "
                    "state holds the coefficients A, the basis G and the iterations it."
                )
            A, G = (np.asarray(held[name], dtype=np.float64) for name in ("A", "G"))
            it = int(held["it"]) if "it" in held else 0
        if A.ndim != 2 or G.ndim != 2 or A.shape[1] != G.shape[1]:
            raise ArtifactError(
                f"{path} has coefficients {A.shape} and a basis {G.shape}: both must be matrices "
                "with a column for each basis vector."
            )
        model = cls(A.shape[1])
        model.state = RHMFState(A, G, it)
        return model

    def _state(self, state: RHMFState | None) -> RHMFState:
        held = self.state if state is None else state
        if held is None:
            raise FitError("this model has not been fitted: call fit first, or pass a state.")
        return held

    @staticmethod
    def _check_pixels(values: ndarray, held: RHMFState) -> None:
        if values.shape[1] != len(held.G):
            raise SettingsError(
                f"the rows have {values.shape[1]} pixels and the basis has {len(held.G)}: bring "
                "them to the grid of the fit first."
            )


def _usual(name: str, value: object) -> bool:
    """Whether a rotation is the usual one in other words."""
    return name == "rotation" and value == ROTATIONS["fast"]


def _rotation(given: str | Rotation) -> Rotation:
    if isinstance(given, Rotation):
        return given
    if given not in ROTATIONS:
        raise SettingsError(
            f"rotation={given!r} is not known; choose one of {', '.join(ROTATIONS)}, or pass a "
            "Rotation."
        )
    return ROTATIONS[given]


def _as_rows(Y: ArrayLike, W: ArrayLike | None) -> tuple[ArrayLike, ArrayLike | None]:
    """One spectrum as a matrix of one row."""
    if np.ndim(np.ma.getdata(Y)) != 1:
        return Y, W
    return np.ma.atleast_2d(Y), None if W is None else np.ma.atleast_2d(W)


def _warn_of_gaps(Y: ndarray, W: ndarray, rank: int, *, rows_only: bool = False) -> None:
    report = describe_matrix(Y, W, rank)
    told = [line for line in report.problems if not rows_only or " row" in line.split("with")[0]]
    if told:
        warnings.warn(" ".join(told), UnknownRowsWarning, stacklevel=3)
