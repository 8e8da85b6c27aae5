"""The mathematics of retention times: pure, on arrays."""

from errorbar.rt.model.times import KNOWN, Times

__all__ = ["KNOWN", "Times"]
