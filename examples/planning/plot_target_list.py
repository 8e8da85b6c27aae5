"""
Which planets to observe with 2000 hours
========================================

A telescope's hours can go to many cheap planets, or to those that hold the trend at both ends. This
plans both for 722 planets that look like those of the Ariel list, and says what each further one
would bring.
"""

import matplotlib.pyplot as plt

from errorbar.survey.plan import CurvatureGuard, plan_survey, read_targets
from errorbar.survey.plots.plan import plot_budgets, plot_further, plot_reach, plot_targets
from errorbar.survey.synth import draw_planets

offer = read_targets(draw_planets(722, seed=42))
plan = plan_survey(offer, budget_hours=2000)
print(f"{plan.planets} planets in {plan.hours:.0f} h: sd(beta) = {plan.sd:.4f} dex per dex")
print(f"no list of these hours does better than {plan.least_sd:.4f}")

# %%
# The same hours by other strategies; `gain` is how many times smaller the error is than that of
# lists drawn by lot.

print(plan.comparison.select("strategy", "planets", "sd", "gain", "curvature_sd"))

# %%
# Planets in the middle of the masses are left out, however cheap they are: they tell nothing of a
# slope.

figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained")
plot_budgets(plan, axes[0])
plot_targets(plan, axes[1])

# %%
# Such a list cannot tell whether the line is bent. A guard keeps planets in the middle, for a slope
# that is known a little less well if the line is straight after all.

guarded = plan_survey(offer, budget_hours=2000, guard=CurvatureGuard())
rows = guarded.comparison.filter(guarded.comparison["strategy"] == "leverage-per-hour")
print(rows.select("guarded", "planets", "sd", "bent_sd", "curvature_sd"))

# %%
# What comes next, if there are hours left, and how many hours a wanted precision takes with a
# probability of 90 %: scatter and residuals are not known beforehand.

wanted = plan_survey(offer, wanted_sd=0.05, probability=0.9)
figure, axes = plt.subplots(1, 2, figsize=(10.4, 4.2), layout="constrained")
plot_further(plan, axes[0])
assert wanted.reach is not None
plot_reach(wanted.reach, axes[1])
plt.show()
