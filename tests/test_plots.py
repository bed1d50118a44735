"""Pictures: one panel a term, error bands, units, and no global state."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from made_up import made_up, only
from sigmaijk.plots.response import plot_response


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """The figures that are saved, in order."""
    saved: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments, **options) -> None:
        saved.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return saved


@pytest.mark.parametrize(("dim", "n_mu", "tau"), [(2, 5, 50.0), (3, 30, None), (2, 1, 50.0), (3, 1, None)])
def test_a_picture_has_a_panel_for_each_term_with_its_unit(tmp_path: Path, figures, dim: int, n_mu: int, tau):
    plot_response(made_up(dim, n_mu=n_mu, tau=tau), tmp_path / "a.png")
    panels = figures[0].axes
    labels = [axes.get_ylabel().replace("\u2009", " ") for axes in panels if axes.axison]
    sheet = " nm" if dim == 2 else ""
    expected = [f"A{sheet}/V²/fs²", f"A{sheet}/V²/fs", f"A{sheet}/V²"] + ([f"A{sheet}/V²"] if tau else [])
    assert [label.lstrip("mnµ") for label in labels] == expected
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules


def test_a_curve_is_the_component_in_the_unit_of_its_axis(tmp_path: Path, figures):
    ds = made_up(n_kT=1, n_mu=5)
    plot_response(ds, tmp_path / "a.png")
    panel = next(axes for axes in figures[0].axes if axes.get_title() == "quantum metric dipole")
    curves = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
    factor = 1e6 if panel.get_ylabel().startswith("µA") else 1e3
    np.testing.assert_allclose(curves[r"$\sigma_{yxx}$"], factor * ds["qm"].values[0, :, 1, 0, 0])


def test_a_curve_has_a_gap_where_its_term_diverges(tmp_path: Path, figures):
    error = np.full((1, 5, 2, 2, 2), 1e-3)
    error[0, 2] = np.inf
    plot_response(made_up(n_kT=1, n_mu=5, natural_error=error), tmp_path / "a.png")
    panel = next(axes for axes in figures[0].axes if axes.get_title() == "quantum metric dipole")
    curve = next(np.asarray(line.get_ydata()) for line in panel.get_lines() if len(line.get_xdata()) == 5)
    assert list(np.isnan(curve)) == [False, False, True, False, False]


def test_a_term_below_its_error_is_said_to_be_zero_within_it(tmp_path: Path, figures):
    plot_response(made_up(n_kT=1, n_mu=1, **only(1e-9, 1e-3)), tmp_path / "a.png")
    texts = [text.get_text() for axes in figures[0].axes for text in axes.texts]
    assert len(texts) == 1
    assert "every component is zero\nwithin its error (2.4e-07 A" in texts[0]
