"""Error bars in, calibrated error bars out."""

__all__ = ["__version__"]

__version__ = "0.1.0"
