"""Many fits, one for each rank and scale, and the scores that choose among them."""

from errorbar.hmf.grid.result import BEST, GridPoint, GridResult
from errorbar.hmf.grid.search import USUAL, search
from errorbar.hmf.grid.surface import GridSurface, grid_surface

__all__ = [
    "BEST",
    "USUAL",
    "GridPoint",
    "GridResult",
    "GridSurface",
    "grid_surface",
    "search",
]
