"""The solve: sums of rows, marginal likelihood of the scales, and what then is known."""
