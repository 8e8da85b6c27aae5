r"""Slopes of several classes of planets that learn from each other, exactly.

$$\beta_c \sim N(\mu, \tau^2), \qquad
y_i \sim N\big(\alpha_c + \beta_c (x_i - \bar x_c),\; v_i + \epsilon_c^2\big)$$

with an intercept and a scatter of its own for each class $c$. Given $(\mu, \tau)$ the classes are
independent, and each one's likelihood of its slope is a mixture of normals over its scatter:

$$p(\mu, \tau \mid y) \propto p(\mu)\, p(\tau) \prod_c \sum_k w_{ck}\,
N\big(b_{ck};\; \mu, s_{ck}^2 + \tau^2\big),$$

two dimensions to sum, whatever the number of classes. Classes are disjoint: a planet that stood in
two would be counted twice.
"""

from errorbar.survey.fit.pooled.classes import mass_bins
from errorbar.survey.fit.pooled.result import PooledFit, fit_pooled

__all__ = ["PooledFit", "fit_pooled", "mass_bins"]
