"""The reference's graph against the exact model, and its routes on small tables."""

import subprocess
import sys

import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.core.extras import load
from errorbar.rt.fit.integrate import integrate_scales
from errorbar.rt.fit.marginal import solve
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.reference import (
    FunnelWarning,
    build_graph,
    fit_advi,
    fit_map,
    fit_nuts_joint,
)
from errorbar.rt.fit.reference.constants import GroupConstants
from errorbar.rt.fit.reference.plug_in import is_scale, plug_in
from errorbar.rt.fit.run import fit_statistics
from errorbar.rt.fit.statistics import collect
from tests.rt.fit.dense import descriptors, small_table


def table(seed=1, rows=240, **sizes):
    peaks = small_table(seed, rows, **sizes)
    return peaks, collect(peaks), descriptors(peaks)


def integral_over_levels(graph, at):
    """Log of the graph's density integrated over levels: Laplace, which is exact for a Gaussian."""
    from pymc.blocking import DictToArrayBijection

    # Python, not C: compiling would take longer than the few evaluations.
    mode = load("pytensor.compile.mode").Mode(linker="py", optimizer="fast_compile")
    density = graph.model.logp_dlogp_function(ravel_inputs=True, mode=mode)
    density.set_extra_values({})
    point = DictToArrayBijection.map(graph.model.initial_point())
    names = np.concatenate([[n] * int(np.prod(s)) for n, s, *_ in point.point_map_info])
    flat = np.zeros(len(names))
    named = graph.parameters.named(at)
    for name in set(names):
        base = name.removesuffix("_log__")
        if is_scale(base):
            # Supercategories in order of their ids, as the exact model names them.
            flat[names == name] = np.log([v for n, v in named.items() if n.split("[")[0] == base])
    moving = np.flatnonzero([not is_scale(n.removesuffix("_log__")) for n in names])

    def slope(levels):
        full = flat.copy()
        full[moving] = levels
        return density([full])

    zero = np.zeros(len(moving))
    value, gradient = (np.array(each) for each in slope(zero))
    unit = np.eye(len(moving))
    columns = [np.array(slope(e)[1])[moving] - gradient[moving] for e in unit]
    precision = -np.array(columns)
    mode = np.linalg.solve(precision, gradient[moving])
    _, log_det = np.linalg.slogdet(precision)
    value = value + 0.5 * gradient[moving] @ mode
    return value + 0.5 * len(moving) * np.log(2 * np.pi) - 0.5 * log_det


@pytest.mark.parametrize(
    ("head", "penalty", "chemistry"),
    [
        ("cluster_supercat", 3e-4, True),
        pytest.param("none", 0.3, False, marks=pytest.mark.slow),
    ],
)
def test_the_graphs_integral_over_levels_is_the_exact_marginal_likelihood(head, penalty, chemistry):
    _, statistics, told = table(rows=80, species=4, supercategories=2, compounds=6)
    graph = build_graph(
        statistics, told if chemistry else None, penalty=penalty, slope_head=head,
        sum_to_zero=False,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(2):
        at = graph.parameters.start + 0.5 * rng.normal(size=len(graph.parameters.names))
        exact = solve(statistics, graph.layout, graph.parameters.scales(at)).log_marginal
        exact += graph.parameters.log_prior(at)[0]
        assert integral_over_levels(graph, at) == pytest.approx(exact, abs=1e-6)


@pytest.mark.slow
def test_levels_less_their_means_change_the_marginal_likelihood_by_the_tops_prior_only():
    _, statistics, told = table(rows=80, species=4, supercategories=2, compounds=6)
    graph = build_graph(statistics, told, sum_to_zero=True)
    at = graph.parameters.start
    exact = solve(statistics, graph.layout, graph.parameters.scales(at)).log_marginal
    exact += graph.parameters.log_prior(at)[0]
    # Not the same model: the mean of all levels has the prior of t0 alone.
    assert integral_over_levels(graph, at) == pytest.approx(exact, abs=0.5)


def test_constants_of_groups_hold_the_likelihood_of_their_rows():
    peaks, statistics, _ = table(3)
    penalty, sigma = 0.02, 0.3
    constants = GroupConstants.of(statistics, penalty)
    rng = np.random.default_rng(1)
    b = rng.normal(size=statistics.groups)
    m = rng.normal(size=(statistics.groups, statistics.features))
    centre = np.concatenate([(b - statistics.mean_y)[:, None], m], axis=1)
    off = np.einsum("gij,gj->gi", constants.root, centre) - constants.target
    square = (off**2).sum() + constants.rest
    ours = -0.5 * (
        constants.rows * np.log(2 * np.pi * sigma**2) + constants.log_det + square / sigma**2
    )
    x, place, y = statistics.centred(peaks), statistics.places(peaks), peaks.rt
    dense = 0.0
    for g in range(statistics.groups):
        rows = place == g
        r = y[rows] - statistics.centre_rt - b[g] - x[rows] @ m[g]
        covariance = sigma**2 * (np.eye(len(r)) + x[rows] @ x[rows].T / penalty)
        _, log_det = np.linalg.slogdet(2 * np.pi * covariance)
        dense -= 0.5 * (log_det + r @ np.linalg.solve(covariance, r))
    assert ours == pytest.approx(dense, rel=1e-10)


def random_levels(graph, seed=0):
    """Any values of levels and scales, by the graph's names."""
    rng = np.random.default_rng(seed)
    statistics, supers = graph.statistics, graph.layout.supercategories
    species, features = len(graph.layout.parent), statistics.features
    levels = {
        "t0": (), "mu_sup": supers, "mu": species, "delta": len(statistics.compound_ids),
        "theta": graph.layout.z.shape[1], "b": statistics.groups, "w0": features,
        "m_sup": (supers, features), "m": (species, features),
    }  # fmt: skip
    scales = dict.fromkeys(("sigma", "tau_b", "tau_mu_sup", "tau_comp", "tau_w_sup"), ())
    scales |= {"tau_mu": supers, "tau_w": supers}
    values = {name: 0.3 * np.asarray(rng.normal(size=shape)) for name, shape in levels.items()}
    return values, {name: 0.1 + rng.random(shape) for name, shape in scales.items()}


def test_coefficients_follow_from_plug_in_values_by_the_references_rule():
    _, statistics, told = table(4)
    graph = build_graph(statistics, told, penalty=0.05, sum_to_zero=False)
    levels, scales = random_levels(graph)
    pool = plug_in(graph, levels, scales)
    s2, tau2 = scales["sigma"] ** 2, scales["tau_b"] ** 2
    alpha = graph.layout.z @ levels["theta"] + levels["delta"]
    for g in (0, 5, 17):
        n, mean = statistics.total[g], statistics.mean_x[g]
        m = levels["m"][statistics.species[g]]
        eta = levels["t0"] + levels["mu"][statistics.species[g]] + alpha[statistics.compound[g]]
        gram = statistics.sxx[g] + n * np.outer(mean, mean)
        precision = np.block([
            [np.array([[n + s2 / tau2]]), n * mean[None]],
            [n * mean[:, None], gram + 0.05 * np.eye(3)],
        ])  # fmt: skip
        sum_y = n * statistics.mean_y[g]
        cross = statistics.sxy[g] + mean * sum_y
        right = np.r_[sum_y - n * mean @ m + s2 * eta / tau2, cross - gram @ m]
        expected = np.linalg.solve(precision, right) + np.r_[0, m]
        np.testing.assert_allclose(pool.known.own[g], expected, rtol=1e-8)
        root = np.sqrt(pool.known.prior[g])
        covariance = pool.known.shrink[g] * np.outer(root, root)
        np.testing.assert_allclose(covariance, s2 * np.linalg.inv(precision), rtol=1e-7)


def test_what_was_never_seen_is_predicted_by_the_level_above():
    peaks, _, told = table(5)
    kept = (peaks.species != 16) & (peaks.compound != peaks.compound.max())
    graph = build_graph(collect(peaks.select(kept)), told, penalty=0.05, sum_to_zero=False)
    levels, scales = random_levels(graph)
    times = Predictor(plug_in(graph, levels, scales)).times(peaks)
    statistics, x = graph.statistics, graph.statistics.centred(peaks)
    row = int(np.flatnonzero(times.known == 3)[0])
    c = int(np.flatnonzero(statistics.species_ids == peaks.species[row])[0])
    z = told.of(peaks.compound[row : row + 1])[0]
    mean = levels["t0"] + levels["mu"][c] + z @ levels["theta"] + x[row] @ levels["m"][c]
    assert times.mean[row] == pytest.approx(mean + statistics.centre_rt)
    variance = scales["sigma"] ** 2 * (1 + x[row] @ x[row] / 0.05)
    variance += scales["tau_b"] ** 2 + scales["tau_comp"] ** 2
    assert times.sd[row] == pytest.approx(np.sqrt(variance))


@pytest.mark.heavy
def test_advi_stopped_early_has_the_means_and_wider_intervals():
    peaks, statistics, told = table(6)
    found = fit_advi(
        statistics, told, penalty=0.3, steps=4_000, seed=1, start_at_data=True, sum_to_zero=False
    )
    exact = fit_statistics(statistics, found.pool.model, told)
    ours, theirs = found.predict(peaks), Predictor(exact).times(peaks)
    assert np.sqrt(np.mean((ours.mean - theirs.mean) ** 2)) < 0.5 * theirs.sd.mean()
    assert np.median(ours.sd / theirs.sd) > 1.5
    assert not found.converged
    assert found.pool.log_posterior < exact.log_posterior
    assert found.loss.shape == (4_000,)
    assert found.coefficients.shape == (statistics.groups, 4)
    np.linalg.cholesky(found.covariances)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_advi_run_to_its_end_predicts_as_the_exact_model_does():
    peaks, statistics, told = table(6)
    found = fit_advi(
        statistics, told, penalty=0.3, until_converged=True, seed=1, start_at_data=True,
        sum_to_zero=False,
    )  # fmt: skip
    exact = fit_statistics(statistics, found.pool.model, told)
    ours, theirs = found.predict(peaks), Predictor(exact).times(peaks)
    print(found.steps, found.seconds, found.scales, exact.scales)  # noqa: T201
    assert found.converged
    assert np.sqrt(np.mean((ours.mean - theirs.mean) ** 2)) < 0.3 * theirs.sd.mean()
    assert 0.8 < np.median(ours.sd / theirs.sd) < 1.25
    # The evidence bound lies below the evidence.
    mixture = integrate_scales(exact, draws=2000)
    assert found.diagnostics["evidence_bound"] < mixture.log_evidence


@pytest.mark.heavy
def test_the_joint_mode_tells_of_its_funnel():
    _, statistics, told = table(7, rows=120, species=4, supercategories=2, compounds=6)
    with pytest.warns(FunnelWarning, match="use `fit_statistics`"):
        found = fit_map(statistics, told, most=2_000)
    assert not found.converged
    assert min(v for n, v in found.scales.items() if n.startswith("tau")) < 5e-3


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_draws_of_all_unknowns_have_the_exact_models_means():
    peaks, statistics, told = table(8, rows=120, species=4, supercategories=2, compounds=6)
    found, trace = fit_nuts_joint(
        statistics, told, penalty=0.3, draws=500, tune=500, chains=2, seed=1
    )
    print(found.diagnostics, found.seconds)  # noqa: T201
    exact = fit_statistics(statistics, found.pool.model, told)
    ours, theirs = found.predict(peaks), Predictor(exact).times(peaks)
    assert trace.posterior.sizes["chain"] == 2
    assert np.abs((ours.mean - theirs.mean) / theirs.sd).max() < 0.2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"steps": 1}, "steps=1 must be at least 10"),
        ({"draws": 0}, "draws=0 at least 1"),
        ({"penalty": -1.0}, "must be positive"),
    ],
)
def test_settings_that_cannot_be_are_refused(asked, told):
    with pytest.raises(SettingsError, match=told):
        fit_advi(table()[1], seed=0, **asked)


def test_importing_the_routes_does_not_load_pymc():
    code = "import sys, errorbar.rt.fit.reference, errorbar.rt.fit.integrate\n"
    code += "sys.exit(bool({'pymc', 'pytensor', 'arviz'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
