"""What the degeneracy tolerance decides of a result is told, with about the size that another run finds."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from sigmaijk.sampler import BandSampler, Columns
from sigmaijk.terms import CATALOGUE
from support import assert_same

X, Y, Z, ONE = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0]), np.eye(2)


def nearly_pt(split: float, seed: int | None = None) -> sg.ContinuumModel:
    """The toy model, whose pairs are split everywhere by about `split` (eV), the more so the larger k."""
    a, b, c = (0.7, 0.4, 0.3) if seed is None else np.random.default_rng(seed).uniform(-1, 1, size=3)

    def H(kx, ky):
        toy = np.kron(X, X) * kx + np.kron(X, Y) * ky + (0.1 - (kx**2 + ky**2) + 0.5 * kx) * np.kron(Z, ONE)
        return toy + split * (np.kron(ONE, Z) + (a * kx + b * ky) * np.kron(ONE, X) + c * ky * np.kron(Z, Y))

    return sg.ContinuumModel(H, 2, name=f"pairs split by {split:g} eV")


def run(model, mu=0.25, kT=0.0, **options):
    """The dataset without its warnings, and what it says of the tolerance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sg.SigmaijkWarning)
        ds = sg.conductivity(model, mu, kT, rtol=1e-4, progress=False, **options)
    return ds, json.loads(ds.attrs["threshold"])


# PT holds to a few 1e-3 meV, within the tolerance of the finder; where the pairs are parted, the response shows it.
@pytest.mark.filterwarnings("ignore::sigmaijk.SymmetryWarning")
@pytest.mark.parametrize(("split", "tolerance", "other"), [(3e-6, 1e-5, 1e-6), (3e-6, 1e-6, 1e-5), (3e-5, 1e-4, 1e-5)])
def test_pairs_split_by_about_the_tolerance_are_told(split: float, tolerance: float, other: float):
    """The change that is told is about that of the other run, which here is as large as the result itself."""
    model = nearly_pt(split)
    with pytest.warns(sg.ThresholdWarning, match="qm at kT = 0, mu = 0.25 eV would change by about") as caught:
        ds = sg.conductivity(model, 0.25, rtol=1e-4, terms="qm", degeneracy_tol=tolerance, progress=False)
    assert caught[0].filename == __file__
    varied, _ = run(model, terms="qm", degeneracy_tol=other)
    moved = np.abs(varied["qm"].values - ds["qm"].values).max()
    assert moved > 100 * ds["qm_error"].values.max()
    (told,) = [one for one in json.loads(ds.attrs["threshold"]) if one["tolerance"] == pytest.approx(other)]
    assert (told["term"], told["kT"], told["mu"]) == ("qm", 0.0, 0.25)
    assert 0.2 < told["change"] / moved < 5
    assert told["error"] == pytest.approx(ds["qm_error"].values.max())


@pytest.mark.parametrize("seed", [0, 3])
def test_a_tolerance_varied_by_ten_moves_nothing_by_more_than_the_errors_unless_told(seed: int):
    """Pairs split by about 1e-5 eV; where the change itself is uncertain its bound is told."""
    tolerances = (1e-4, 1e-5, 1e-6, 1e-7)
    runs = [run(nearly_pt(1e-5, seed), 0.5, terms="qm", degeneracy_tol=t, max_k_points=6000) for t in tolerances]
    moves = 0
    for (one, told_one), (other, told_other), t, u in zip(runs, runs[1:], tolerances, tolerances[1:], strict=False):
        errors = one["qm_error"].values.max() + other["qm_error"].values.max()
        if np.abs(one["qm"].values - other["qm"].values).max() > 3 * errors:
            moves += 1
            assert any(entry["tolerance"] == pytest.approx(u) for entry in told_one)
            assert any(entry["tolerance"] == pytest.approx(t) for entry in told_other)
    assert moves


@pytest.mark.parametrize("split", [0.0, 1e-9, 1e-2])
def test_pairs_far_from_the_tolerance_are_not(split: float):
    for tolerance in (1e-7, 1e-6, 1e-5):
        _, told = run(nearly_pt(split), terms="qm", degeneracy_tol=tolerance, max_k_points=20_000)
        assert told == []


def test_the_columns_are_the_differences_of_the_integrands():
    """Point by point, against samplers with the other tolerances."""
    terms = tuple(CATALOGUE.values())
    model = nearly_pt(3e-6)
    k = np.random.default_rng(0).uniform(-0.6, 0.6, size=(30, 2))
    watched = BandSampler(model, terms, 1e-6, watched=True)
    sample = watched(k)
    plain = {tolerance: BandSampler(model, terms, tolerance)(k) for tolerance in (1e-7, 1e-6, 1e-5)}
    for term in terms:
        entries, weights = watched.columns.entries[term.name], watched.columns.weights[term.name]
        for column, tolerance in zip(watched.columns.watched[term.name], (1e-5, 1e-7), strict=True):
            change = plain[tolerance].integrand[..., entries] - plain[1e-6].integrand[..., entries]
            size = np.abs(plain[1e-6].integrand[..., entries]).max()
            assert_same(sample.integrand[..., column] / size, change @ weights / size, rtol=1e-6, floor=1e-6)
            if tolerance == 1e-5 and term.name == "qm":
                assert np.abs(change).max() > 0
    np.testing.assert_array_equal(sample.integrand[..., : plain[1e-6].integrand.shape[2]], plain[1e-6].integrand)


@pytest.mark.parametrize("dim", [2, 3])
def test_no_simple_pattern_of_entries_cancels_in_the_weights(dim: int):
    for weights in Columns(tuple(CATALOGUE.values()), dim, watched=True).weights.values():
        assert ((np.abs(weights) >= 1) & (np.abs(weights) <= 1.5)).all()
        for i in range(len(weights)):
            for j in range(i):
                for factor in (1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0):
                    assert abs(weights[i] + factor * weights[j]) > 0.01


def test_pairs_of_tellurium_within_a_tolerance_of_2_meV_are_one_group_whatever_its_tenth(data_dir: Path):
    """They split by up to 0.36 meV: at k where they do by more than 0.2 meV, a tenth of the tolerance parts them."""
    model = sg.read_wannier90(data_dir / "Te_qe_tb.dat.gz")
    terms = (CATALOGUE["bcd"],)
    k = model.cartesian(np.random.default_rng(2).random((60, 3)))
    watched = BandSampler(model, terms, 2e-3, watched=True)
    watched.wanted = slice(16, 20)
    sample = watched(k)
    looser, tighter = watched.columns.watched["bcd"]
    energy = watched.energies(k)[:, 15:21]
    step = np.diff(energy, axis=1)
    met = ((step > 2e-4) & (step <= 2e-3)).any(axis=1)
    assert 0 < met.sum() < len(k)
    assert not sample.integrand[~met][..., tighter].any()
    assert np.abs(sample.integrand[met][..., tighter]).max() > 0
    assert np.isfinite(sample.integrand[..., looser]).all()
