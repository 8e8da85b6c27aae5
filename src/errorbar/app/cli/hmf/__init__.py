"""`errorbar hmf …`, one file for each command: parse, call the verb, print."""

from errorbar.app.cli.group import new_group
from errorbar.app.cli.hmf import fit, grid, infer, outliers, rvs, toy

__all__ = ["app"]

app = new_group("What is the low-rank signal of spectra with unequal errors, and what is odd?")
app.command(epilog=fit.EXAMPLES)(fit.fit)
app.command(epilog=grid.EXAMPLES)(grid.grid)
app.command(epilog=infer.EXAMPLES)(infer.infer)
app.command(epilog=outliers.EXAMPLES)(outliers.outliers)
app.command(epilog=rvs.EXAMPLES)(rvs.rvs)
app.command(epilog=toy.EXAMPLES)(toy.toy)
