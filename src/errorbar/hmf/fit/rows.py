"""Data at hand for passes, and where these are made: on the processors or on a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal, Protocol, get_args

from numpy import ndarray

from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.hmf.fit.kernel.passes import Rule, Sums, Team, infer, run_pass, team

__all__ = ["Device", "Rows", "at_hand", "check_device"]

Device = Literal["auto", "cpu", "jax"]

# Fewer pixels are fitted sooner than JAX has compiled what it needs.
WORTH_A_GPU = 2e7
# Of the free memory of a device, the share that data may fill.
SHARE = 0.8


class Rows(Protocol):
    """Data that passes can be made over."""

    def move(self, A: ndarray, G: ndarray, rule: Rule) -> Sums:
        """One pass: coefficients are moved in place, sums for the basis come back."""
        ...

    def infer(self, A: ndarray, G: ndarray, rule: Rule, *, most: int, tol: float) -> ndarray:
        """Coefficients on a basis that stands still, in place; passes taken by each row."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class HostRows:
    """Data in memory, and threads that go over them with the fused kernel."""

    Y: ndarray
    W: ndarray
    pool: Team

    def move(self, A: ndarray, G: ndarray, rule: Rule) -> Sums:
        return run_pass(self.Y, self.W, A, G, rule, self.pool)

    def infer(self, A: ndarray, G: ndarray, rule: Rule, *, most: int, tol: float) -> ndarray:
        return infer(self.Y, self.W, A, G, rule, self.pool, most=most, tol=tol)


def check_device(device: str) -> None:
    """Refuse a place that is none."""
    if device not in get_args(Device):
        raise SettingsError(
            f"device={device!r} is unknown; choose one of {', '.join(get_args(Device))}."
        )


@contextmanager
def at_hand(
    Y: ndarray,
    W: ndarray,
    rule: Rule,
    workers: int | None = None,
    device: Device = "auto",
) -> Iterator[Rows]:
    """Data where passes by `rule` are fastest, or on the device that is named.

    `cpu` is the fused kernel, `jax` products of matrices on JAX's default device, and `auto` the
    latter where JAX has a GPU with room for the data, and there are enough of them.
    """
    check_device(device)
    if _on_jax(Y, rule, device):
        from errorbar.hmf.fit.device import DeviceRows

        yield DeviceRows(Y, W)
        return
    with team(workers) as pool:
        yield HostRows(Y, W, pool)


def _on_jax(Y: ndarray, rule: Rule, device: Device) -> bool:
    if device == "cpu":
        return False
    if device == "jax":
        if rule.nonnegative:
            raise SettingsError("device='jax' cannot keep factors non-negative: use device='cpu'.")
        _import_device()
        return True
    # The plugin is asked for first: JAX takes long to import, and finds nothing without one.
    if rule.nonnegative or Y.size < WORTH_A_GPU or not entry_points(group="jax_plugins"):
        return False
    gpu, room = _import_device()
    return gpu and 2.0 * Y.nbytes < SHARE * room


def _import_device() -> tuple[bool, float]:
    """Whether JAX has a GPU, and the room on it."""
    try:
        from errorbar.hmf.fit.device import has_gpu, room
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "jax", "hmf") from error
    return has_gpu(), room()
