"""
A survey study from catalogue to figures
========================================

How well does a survey of so many planets measure the trend of water abundance with mass, and does
it matter which planets? This is the whole path: a catalogue, mock surveys of it, a posterior for
each, and the figures that answer.
"""

import matplotlib.pyplot as plt

from errorbar.survey import (
    MetModel,
    PriorRule,
    SurveySampler,
    calibrate_survey,
    make_catalogue,
)
from errorbar.survey.plots import (
    plot_closed_form,
    plot_design_space,
    plot_errors,
    plot_line,
    plot_marginal,
    plot_slope_plane,
)
from errorbar.survey.summary import (
    add_total_scatter,
    closed_form_check,
    design_space,
    fixed_size_errors,
    leverage_contours,
    read_fits,
    slope_answer,
    slope_plane,
    survey_posterior,
)

# %%
# The catalogue is synthetic, because then the truth is known: 722 planets with masses like those of
# the Ariel list, abundances that fall with mass, hosts whose metallicity scatters along, and error
# bars that are unequal, as real ones are.

catalogue = make_catalogue(seed=42)
print(catalogue.data)
for name, value in catalogue.truth.parameters.items():
    print(f"{name:8} {value:+.3f}")

# %%
# Surveys are drawn from four nested classes: S1 (blue in all figures) is everything, S2 (orange)
# and S3 (green) are the upper three quarters and half in mass, S4 (red) is the heaviest quarter.
# What a survey's choice of planets is worth is its leverage :math:`L`, the root of the summed
# squared distances from the mean log mass. Surveys on one dashed curve have the same.

sampler = SurveySampler(catalogue.data, rng_seed=42)
surveys = sampler.sample_grid([15, 30, 60, 100], n_reps=10)
space = design_space(surveys)

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
plot_design_space(space, ax, leverage_contours(space))
plt.show()

# %%
# Each survey is fitted with the joint model: a line for the planets, a line for their stars, and
# the covariance of what scatters around them. The posterior is summed exactly, so that 160 surveys
# take a second or two. The intercept's prior is the flat one, whose intervals are honest.

model = MetModel(prior=PriorRule(intercept="flat"))
fits = model.run_on_surveys(surveys)
print(fits["status"].value_counts())
print(fits.select("class_label", "N", "L_logM", "beta_p_mean", "beta_p_sd", "rho_mean").head())

# %%
# One of them from inside: the planets with the line, and what is known of slope and correlation.

one = next(survey for survey in surveys if survey.n == 60)
fit = model.fit_survey(one)
posterior = survey_posterior(fit, one.data())
marginals = dict(zip(fit.names, posterior.marginals))

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
plot_line(posterior.lines[0], axes[0])
plot_marginal(marginals["beta_p"], axes[1])
plot_marginal(marginals["rho"], axes[2])
plt.show()

# %%
# Now all surveys of 60 planets. The error of the slope falls with leverage; those of the intercept
# and of the scatter hardly know it. Solid lines are closed forms without a free number.

table = add_total_scatter(read_fits(fits), surveys)
errors = fixed_size_errors(table, 60)

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for panel, ax in zip(errors.panels, axes):
    plot_errors(panel, ax)
plt.show()

# %%
# So the error of a slope is known before any fit: it is the total scatter over the leverage.

check = closed_form_check(table, "beta_p")
figure, ax = plt.subplots(figsize=(4.6, 4.6), layout="constrained")
plot_closed_form(check, ax)
plt.show()

# %%
# Both slopes of every survey at once, over leverage: the cloud closes in on the truth.

figure = plt.figure(figsize=(7, 4.6), layout="constrained")
plot_slope_plane(slope_plane(table), figure.add_subplot(projection="3d"), figure)
plt.show()

# %%
# What it means for a proposal: how many planets of each class do what 60 of the whole list do? At
# fixed spread the error falls as :math:`1/\sqrt N`. S4 has 181 planets, fewer than it would need.

for answer in slope_answer(table, "beta_p", 60).classes:
    print(
        f"{answer.label}: sd of the slope {answer.sd:.3f}, {60 * answer.more_planets:.0f} planets"
    )

# %%
# Can the errors be believed? Counting intervals over the surveys above would not tell: they share
# planets, and with them each other's luck. Surveys that share nothing do.

result = calibrate_survey("joint", n_planets=60, n_surveys=200, seed=5)
coverage = result.coverage().filter(interval="highest density", N=60)
print(coverage.select("parameter", "level", "found", "standard_error"))
