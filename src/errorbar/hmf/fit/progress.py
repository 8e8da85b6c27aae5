"""A line on standard error that says how far a fit is."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from errorbar.hmf.fit.als import Tell

__all__ = ["progress_line"]


@contextmanager
def progress_line(wanted: bool | None, tol: float, max_iter: int) -> Iterator[Tell | None]:
    """What a fit tells its iterations to; nothing where no line is wanted.

    Left out, there is one where standard error is a terminal.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as line:
        task = line.add_task("making a start", total=None)

        def tell(it: int, objective: float, change: float) -> None:
            moved = "" if math.isnan(change) else f", change {change:.2g} (stops at {tol:.2g})"
            line.update(task, description=f"iteration {it}, objective {objective:.8g}{moved}")
            if it == max_iter or change <= tol:
                line.update(task, description=f"{it} iterations, objective {objective:.8g}")

        yield tell
