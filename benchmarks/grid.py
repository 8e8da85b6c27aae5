"""The reference code's whole design: 640 surveys, both models, every interval, both tables."""

from benchmarks.stopwatch import take
from errorbar.survey import MetModel, Model, SurveySampler, make_catalogue

__all__ = ["whole_design"]


def whole_design(rounds: int) -> list[str]:
    """Rows of a Markdown table, the fastest round of each model."""
    surveys = SurveySampler(make_catalogue(seed=42).data, rng_seed=42).sample_grid()
    rows = []
    for name, model in (("single", Model()), ("joint", MetModel())):
        model.run_on_surveys(surveys[:1])
        times = [take(lambda model=model: model.run_on_surveys(surveys)) for _ in range(rounds)]
        best = min(times, key=lambda t: t.cpu)
        rows.append(f"| {name} | {len(surveys)} | {best.wall:.2f} s | {best.cpu:.2f} s |")
    return rows
