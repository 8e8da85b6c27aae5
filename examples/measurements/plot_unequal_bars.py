"""
Which sigma stands for two unequal bars?
========================================

A value printed with a short bar below and a long one above is more often too low than too high.
The mean of the bars keeps the value and forgets that; the split normal moves it.
"""

import matplotlib.pyplot as plt
import numpy as np

from errorbar.core.measure import Measurement

ratio = np.linspace(1.0, 6.0, 60)
measured = Measurement.from_bars(np.zeros(ratio.size), lower=-1.0, upper=ratio)

# %%
# The mean of a split normal leaves the printed value quickly: at bars of one and three it has moved
# by most of the average bar.

shift, sd = measured.moments("split-normal")
at_three = np.argmin(np.abs(ratio - 3.0))
print(f"bars 1 and {ratio[at_three]:.2f}: the mean moves by {shift[at_three]:.2f}, ", end="")
print(f"sd {sd[at_three]:.2f} against a mean bar of {measured.sigma()[at_three]:.2f}")

# %%
# The standard deviations differ far less than the centres do, so the choice is about bias, not
# about weight.

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.plot(ratio, shift / measured.sigma())
left.set(xlabel="upper bar / lower bar", ylabel="shift of the value / mean bar")
right.plot(ratio, measured.sigma("split-normal") / measured.sigma())
right.set(xlabel="upper bar / lower bar", ylabel="split-normal sd / mean bar", ylim=(0.8, 1.2))
plt.show()
