"""The main job: numbers with closed forms, their units, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg
from support import assert_same

TOY = {0.0: -0.215016002429506, 0.00862: -0.215488727894958, 0.02585: -0.217849858359670}
"""I_qm,xyy of Eq. 20 at t = 0.9, mu = 0.25, by two independent programs to 1e-15, nm/eV."""


def entry(ds, term: str, component: str) -> tuple[np.ndarray, np.ndarray]:
    """Natural value and its error, (kT, mu)."""
    i, j, k = ("xyz".index(letter) for letter in component)
    return ds[f"{term}_natural"].values[..., i, j, k], ds[f"{term}_natural_error"].values[..., i, j, k]


@pytest.fixture(scope="module")
def toy():
    return sg.conductivity(sg.models.dirac_pt(), 0.25, list(TOY), rtol=1e-5, progress=False)


def test_toy_model_has_the_reference_values(toy):
    value, error = entry(toy, "qm", "xyy")
    expected = np.array(list(TOY.values()))[:, None]
    true = np.abs(value - expected)
    assert (true <= 1e-5 * np.abs(expected)).all()
    assert (error >= true / 3).all()
    assert (error <= 1e-5 * np.abs(expected)).all()
    assert toy.attrs["converged"] == 1


def test_toy_model_in_laboratory_units(toy):
    milli = sg.component(toy, "qm", "xyy", unit="mA nm/V^2").values
    assert milli[0, 0] == pytest.approx(-0.0523378, abs=6e-7)
    assert toy["qm"].attrs["units"] == "A nm/V^2"


def test_toy_model_has_one_independent_component(toy):
    """Mirror ky -> -ky leaves xyy with yxy = yyx = -xyy/2 in the quantum metric term and kills every other entry."""
    tensor, error = toy["qm_natural"].values, toy["qm_natural_error"].values
    xyy = tensor[..., 0, 1, 1]
    for partner in (tensor[..., 1, 0, 1], tensor[..., 1, 1, 0]):
        assert_same(partner, -xyy / 2, rtol=1e-14, floor=0.1)
    for i, j, k in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)):
        assert (np.abs(tensor[..., i, j, k]) <= error[..., i, j, k]).all()


def test_space_time_inversion_forbids_the_berry_curvature_dipole(toy):
    assert (np.abs(toy["bcd_natural"].values) <= toy["bcd_natural_error"].values).all()
    assert toy["bcd_natural_error"].values.max() < 1e-12
    limited = json.loads(toy.attrs["noise_limited"])
    assert {record["term"] for record in limited} == {"bcd"}
    assert len(limited) == 3


def test_toy_model_agrees_with_the_trapezoid_rule():
    """Two integrators that share nothing but the integrand."""
    options = {"terms": ("drude", "qm"), "rtol": 1e-4, "progress": False}
    model = sg.models.dirac_pt()
    patches = sg.conductivity(model, 0.25, 0.02585, **options)
    grid = sg.conductivity(model, 0.25, 0.02585, method="trapezoid", **options)
    assert "trapezoid" in grid.attrs["method"]
    assert "patches" in patches.attrs["method"]
    for term in ("drude", "qm"):
        difference = np.abs(patches[f"{term}_natural"].values - grid[f"{term}_natural"].values)
        allowed = patches[f"{term}_natural_error"].values + grid[f"{term}_natural_error"].values
        assert (difference <= allowed).all()
        assert np.abs(grid[f"{term}_natural"].values).max() > 1e-2


@pytest.mark.parametrize("eta", [1, -1])
@pytest.mark.parametrize("mu", [0.15, 0.3])
def test_slightly_tilted_dirac_cone_has_its_closed_forms(eta: int, mu: float):
    """To first order in the tilt t = 1e-3; the next order is t**3, a relative 1e-5."""
    m, t = 0.1, 1e-3
    ds = sg.conductivity(sg.models.tilted_dirac(t=t, m=m, eta=eta), mu, rtol=1e-4, progress=False)
    dipole = -3 * eta * m * t * (mu**2 - m**2) / (8 * np.pi * mu**4)
    metric = -t * (mu**2 - m**2) / (8 * np.pi * mu**4)
    drude = -3 * t * (mu**2 - m**2) * (mu**2 + 3 * m**2) / (16 * np.pi * mu**4)
    expected = {
        "bcd": {"yxx": -dipole, "xxy": dipole / 2, "xyx": dipole / 2},
        "qm": {"xyy": metric, "yxy": -metric / 2},
        "drude": {"xxx": drude, "xyy": drude / 3, "yxy": drude / 3},
    }
    for term, entries in expected.items():
        for component, value in entries.items():
            assert entry(ds, term, component)[0].item() == pytest.approx(value, rel=1e-4), (term, component)
    for term, component in (("bcd", "xyy"), ("qm", "yxx"), ("drude", "yyy")):
        value, error = entry(ds, term, component)
        assert abs(value.item()) <= error.item()


def test_strongly_tilted_dirac_cone_has_its_reference_values():
    """t = 0.3, mu = 0.15, m = 0.1, v = 1: nine digits by symbolic algebra and independent quadrature."""
    ds = sg.conductivity(sg.models.tilted_dirac(t=0.3), 0.15, rtol=1e-6, progress=False)
    dipole, metric = -entry(ds, "bcd", "yxx")[0].item(), entry(ds, "qm", "xyy")[0].item()
    assert dipole == pytest.approx(-0.0859328199, rel=1e-6)
    assert metric == pytest.approx(-0.286442733, rel=1e-6)
    assert entry(ds, "drude", "xxx")[0].item() == pytest.approx(-0.0232289588, rel=1e-6)
    assert entry(ds, "drude", "xyy")[0].item() == pytest.approx(-0.00809134626, rel=1e-6)
    assert dipole == pytest.approx(3 * 0.1 * metric, rel=1e-6)
    assert ds.attrs["converged"] == 1


def test_error_of_the_strongly_tilted_cone_covers_the_truth_at_every_tolerance():
    reference = {"qm": ("xyy", -0.286442733), "drude": ("xxx", -0.0232289588), "bcd": ("yxx", 0.0859328199)}
    for rtol in (1e-1, 1e-2, 1e-3, 1e-4):
        ds = sg.conductivity(sg.models.tilted_dirac(t=0.3), 0.15, rtol=rtol, progress=False)
        for term, (component, expected) in reference.items():
            value, error = entry(ds, term, component)
            assert abs(value.item() - expected) <= 3 * error.item() + 1e-9
            assert error.item() <= rtol * abs(expected) * 1.1


def test_total_adds_the_terms_with_their_powers_of_tau():
    tau = 70.0
    ds = sg.conductivity(sg.models.tilted_dirac(t=0.3), 0.15, rtol=1e-2, tau=tau, progress=False)
    expected = ds["drude"] * tau**2 + ds["bcd"] * tau + ds["qm"]
    assert_same(ds["total"].values, expected.values, rtol=1e-14, floor=1e-9)
    errors = ds["drude_error"] * tau**2 + ds["bcd_error"] * tau + ds["qm_error"]
    assert_same(ds["total_error"].values, errors.values, rtol=1e-14, floor=1e-12)


def test_spin_degeneracy_doubles_every_sum():
    def hamiltonian(kx, ky):
        return [[0.3 * kx + 0.1, kx - 1j * ky], [kx + 1j * ky, 0.3 * kx - 0.1]]

    one, two = (
        sg.conductivity(sg.ContinuumModel(hamiltonian, 2, spin_degeneracy=g), 0.15, rtol=1e-2, progress=False)
        for g in (1, 2)
    )
    for term in ("drude", "bcd", "qm"):
        assert_same(two[term].values, 2 * one[term].values, rtol=1e-12, floor=1e-9)


def test_one_call_serves_many_levels_and_temperatures():
    """A scan agrees with single calls, in the order in which mu was given, repeats included."""
    model, mu, kT = sg.models.dirac_pt(), [0.3, 0.15, 0.3, -0.25], [0.01, 0.0]
    ds = sg.conductivity(model, mu, kT, terms="qm", rtol=1e-3, progress=False)
    assert ds["qm"].dims == ("kT", "mu", "i", "j", "k")
    assert ds["qm"].shape == (2, 4, 2, 2, 2)
    assert ds["mu"].values.tolist() == mu
    assert ds["kT"].values.tolist() == kT
    for a, width in enumerate(kT):
        for b, level in enumerate(mu):
            alone = sg.conductivity(model, level, width, terms="qm", rtol=1e-3, progress=False)
            difference = np.abs(ds["qm"].values[a, b] - alone["qm"].values[0, 0])
            assert (difference <= ds["qm_error"].values[a, b] + alone["qm_error"].values[0, 0]).all()
    assert np.array_equal(ds["qm"].values[:, 0], ds["qm"].values[:, 2])


def test_level_in_a_gap_gives_zero_with_a_tiny_error(recwarn: pytest.WarningsRecorder):
    ds = sg.conductivity(sg.models.tilted_dirac(t=0.3), [0.0, 0.15], [0.0, 1e-3], rtol=1e-2, progress=False)
    for term in ("drude", "bcd", "qm"):
        assert not ds[term].values[:, 0].any()
        assert 0 < ds[f"{term}_natural_error"].values[:, 0].max() < 1e-12
        assert np.abs(ds[f"{term}_natural"].values[:, 1]).max() > 1e-3
    assert json.loads(ds.attrs["in_gap"]) == [{"kT": 0.0, "mu": 0.0}, {"kT": 0.001, "mu": 0.0}]
    assert ds.attrs["converged"] == 1
    assert not recwarn.list


def test_level_deep_in_a_gap_has_the_exponential_tail():
    """30 kT below the band edge: what is left is exp(-30) of the edge, and the error is relative to that."""
    kT = 1e-3
    edge = 0.1 * np.sqrt(1 - 0.3**2)
    near, far = (
        sg.conductivity(sg.models.tilted_dirac(t=0.3), edge - n * kT, kT, rtol=1e-3, terms="qm", progress=False)
        for n in (20, 30)
    )
    ratio = entry(far, "qm", "xyy")[0].item() / entry(near, "qm", "xyy")[0].item()
    assert ratio == pytest.approx(np.exp(-10), rel=3e-3)
    assert far.attrs["converged"] == 1
    assert far.attrs["in_gap"] == "[]"


def test_terms_that_are_odd_in_k_are_zero_with_their_reason():
    """Without a tilt E(-k) = E(k), and all three integrands are odd."""
    tilted = sg.conductivity(sg.models.tilted_dirac(t=0.3), 0.15, rtol=1e-2, progress=False)
    upright = sg.conductivity(sg.models.tilted_dirac(t=0.0), 0.15, rtol=1e-2, progress=False)
    assert json.loads(upright.attrs["odd_in_k"]) == ["drude", "bcd", "qm"]
    assert upright.attrs["converged"] == 1
    assert upright.attrs["k_points"] < 10_000
    for term in ("drude", "bcd", "qm"):
        assert np.abs(tilted[f"{term}_natural"].values).max() > 1e-3
        assert (np.abs(upright[f"{term}_natural"].values) <= upright[f"{term}_natural_error"].values).all()
        assert upright[f"{term}_natural_error"].values.max() < 1e-10


def test_limit_on_k_points_keeps_what_there_is():
    model = sg.models.dirac_pt()
    with pytest.warns(sg.ConvergenceWarning, match="was not reached"):
        ds = sg.conductivity(model, 0.25, rtol=1e-8, terms="qm", max_k_points=300, progress=False)
    value, error = entry(ds, "qm", "xyy")
    assert ds.attrs["converged"] == 0
    assert ds.attrs["k_points"] <= 300
    assert abs(value.item() - TOY[0.0]) <= 3 * error.item() < 0.1


@pytest.mark.parametrize("limit", [1, 50, 100])
def test_error_is_infinite_while_pieces_are_still_searched(limit: int):
    with pytest.warns(sg.ConvergenceWarning, match="before all Fermi-surface pieces were found"):
        ds = sg.conductivity(sg.models.dirac_pt(), 0.25, max_k_points=limit, progress=False)
    assert ds.attrs["converged"] == 0
    assert ds.attrs["k_points"] <= limit
    assert np.isinf(ds["qm_error"].values).all()
    assert np.isfinite(ds["qm"].values).all()


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2])
def test_open_surface_is_refused_with_its_direction(angle: float):
    """A type-II tilt never closes in a linear model."""
    c, s = np.cos(angle), np.sin(angle)

    def hamiltonian(kx, ky):
        tilt = 1.4 * (c * kx + s * ky)
        return [[tilt + 0.1, kx - 1j * ky], [kx + 1j * ky, tilt - 0.1]]

    with pytest.raises(sg.ModelError, match="stays open along k = ") as caught:
        sg.conductivity(sg.ContinuumModel(hamiltonian, 2), 0.15, progress=False)
    named = [float(x) for x in str(caught.value).split("(")[1].split(")")[0].split(",")]
    assert abs(named[0] * c + named[1] * s) > 0.99


def test_surface_far_from_the_origin_is_found():
    """A ring of radius 7 around the origin, and the same cone moved to k = (7, 3)."""
    shifted = sg.ContinuumModel(
        lambda kx, ky: [
            [0.3 * (kx - 7) + 0.1, (kx - 7) - 1j * (ky - 3)],
            [(kx - 7) + 1j * (ky - 3), 0.3 * (kx - 7) - 0.1],
        ],
        2,
    )
    ds = sg.conductivity(shifted, 0.15, rtol=1e-3, progress=False)
    assert entry(ds, "qm", "xyy")[0].item() == pytest.approx(-0.286442733, rel=1e-3)


BAD_ARGUMENTS = [
    ({"mu": np.nan}, ValueError, "mu must be finite"),
    ({"mu": [0.1, np.inf]}, ValueError, "mu must be finite"),
    ({"mu": []}, ValueError, "mu must be a number or a sequence"),
    ({"mu": "high"}, TypeError, "mu must be a number"),
    ({"kT": -0.01}, ValueError, "kT must not be negative"),
    ({"kT": np.nan}, ValueError, "kT must be finite"),
    ({"terms": ("qm", "bdc")}, ValueError, "unknown term 'bdc'.*did you mean 'bcd'"),
    ({"terms": ()}, ValueError, "at least one"),
    ({"rtol": 0.0}, ValueError, "rtol must be finite and above zero"),
    ({"rtol": -1e-3}, ValueError, "rtol must be finite and above zero"),
    ({"rtol": None}, TypeError, "rtol must be one real number"),
    ({"atol": -1.0}, ValueError, "atol must be finite and not negative"),
    ({"atol": {"dude": 1.0}}, ValueError, "unknown term 'dude'"),
    ({"tau": 0.0}, ValueError, "tau must be finite and above zero"),
    ({"components": ["xyw"]}, ValueError, "unknown component 'xyw'"),
    ({"components": ["xyz"]}, ValueError, "unknown component 'xyz'"),
    ({"degeneracy_tol": -1.0}, ValueError, "degeneracy_tol"),
    ({"max_k_points": 0}, ValueError, "max_k_points must be at least 1"),
    ({"method": "magic"}, ValueError, "method must be one of"),
    ({"method": "trapezoid"}, ValueError, "needs kT > 0"),
    ({"form": "KLA"}, ValueError, "form must be 'WPD'"),
    ({"form": "LKA"}, NotImplementedError, "form='LKA'"),
    ({"executor": object()}, NotImplementedError, "executor"),
    ({"checkpoint": "run.h5"}, NotImplementedError, "checkpoint"),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), BAD_ARGUMENTS)
def test_bad_argument_is_refused_with_the_reason(arguments: dict, kind: type, message: str):
    with pytest.raises(kind, match=message) as caught:
        sg.conductivity(sg.models.dirac_pt(), **({"mu": 0.25, "progress": False} | arguments))
    assert isinstance(caught.value, sg.SigmaijkError)


def test_only_a_model_is_accepted():
    with pytest.raises(TypeError, match="model must be a ContinuumModel"):
        sg.conductivity(lambda kx, ky: kx, 0.1)


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
def test_hamiltonian_that_breaks_down_somewhere_names_the_place():
    def hamiltonian(kx, ky):
        return [[kx, np.sqrt(1.44 - kx**2 - ky**2)], [np.sqrt(1.44 - kx**2 - ky**2), -kx]]

    model = sg.ContinuumModel(hamiltonian, 2, scale=0.5)
    with pytest.raises(sg.ModelError, match="k = "):
        sg.conductivity(model, 0.25, progress=False)


def test_van_hove_saddle_exactly_at_mu_is_reported():
    """The lower band has saddles; at T = 0 a level exactly there is listed, and a level beside it is not."""
    model = sg.LatticeModel(
        np.eye(2) * 0.5,
        {
            (0, 0): np.array([[0.0, 0.3], [0.3, 5.0]]),
            (1, 0): np.array([[-1.0, 0.2j], [0.1, 0.0]]),
            (-1, 0): np.array([[-1.0, 0.1], [-0.2j, 0.0]]),
            (0, 1): -np.diag([1.0, 0.0]),
            (0, -1): -np.diag([1.0, 0.0]),
        },
    )
    k = np.array([[0.6, 2 * np.pi]])
    for _ in range(50):
        geometry = sg.band_geometry(model, k)
        k = k - np.linalg.solve(geometry.inverse_mass[0, 0], geometry.velocity[0, 0])
    masses = np.linalg.eigvalsh(geometry.inverse_mass[0, 0])
    assert masses[0] < -1e-3
    assert masses[1] > 1e-3
    saddle = float(geometry.energy[0, 0])
    with pytest.warns(sg.SingularResponseWarning, match="van Hove saddle"):
        ds = sg.conductivity(model, [saddle, saddle + 0.05], rtol=1e-2, progress=False)
    assert np.isinf(ds["drude_error"].values[0, 0]).all()
    assert np.isfinite(ds["drude_error"].values[0, 1]).all()
    assert json.loads(ds.attrs["singular"])[0]["kind"] == "van Hove saddle"
    assert ds.attrs["converged"] == 0


def test_flat_band_at_mu_is_reported():
    flat = sg.LatticeModel(
        np.eye(2), {(0, 0): np.diag([0.0, 3.0]), (1, 0): np.diag([0, 0.4]), (-1, 0): np.diag([0, 0.4])}
    )
    with pytest.warns(sg.SingularResponseWarning, match="flat band"):
        ds = sg.conductivity(flat, 0.0, progress=False)
    assert np.isinf(ds["drude_error"].values).all()
    assert ds.attrs["converged"] == 0


def test_result_survives_a_round_trip_through_a_file(toy, tmp_path: Path):
    toy.to_netcdf(tmp_path / "toy.nc")
    back = sg.open_result(tmp_path / "toy.nc")
    assert back.attrs == toy.attrs
    assert np.array_equal(back["qm"].values, toy["qm"].values)


def test_surface_far_outside_the_first_box_is_found():
    """Pockets at up to a thousand times the scale, a ring of radius 30, and a slow, wide cone: nothing is in a gap."""
    for centre in ((30.0, 0.0), (0.0, 60.0), (100.0, 40.0), (1e3, 1e3)):
        shifted = sg.ContinuumModel(
            lambda kx, ky, c=centre: [
                [0.3 * (kx - c[0]) + 0.1, (kx - c[0]) - 1j * (ky - c[1])],
                [(kx - c[0]) + 1j * (ky - c[1]), 0.3 * (kx - c[0]) - 0.1],
            ],
            2,
        )
        ds = sg.conductivity(shifted, 0.15, rtol=1e-2, terms="qm", progress=False)
        assert entry(ds, "qm", "xyy")[0].item() == pytest.approx(-0.286442733, rel=1e-2), centre
    slow = sg.conductivity(sg.models.tilted_dirac(0.005, v=0.01), 0.25, rtol=1e-2, progress=False)
    assert slow.attrs["in_gap"] == "[]"
    assert np.abs(slow["drude_natural"].values).max() > 1e-4


@pytest.mark.parametrize("length", [1e-3, 1e3])
def test_unit_of_length_does_not_matter(length: float):
    """The cone of the table with k in units of 1/length and the scale left at its default."""

    def hamiltonian(kx, ky):
        x, y = kx / length, ky / length
        return [[0.3 * x + 0.1, x - 1j * y], [x + 1j * y, 0.3 * x - 0.1]]

    ds = sg.conductivity(sg.ContinuumModel(hamiltonian, 2), 0.15, rtol=1e-2, terms="qm", progress=False)
    # An integral of nm/eV scales with the length 1/k.
    assert entry(ds, "qm", "xyy")[0].item() * length == pytest.approx(-0.286442733, rel=1e-2)


def test_structure_far_below_the_scale_is_never_a_silent_zero():
    """A cone ten million times smaller than the first box hides in one element of the finest mesh, and in its error."""

    def hamiltonian(kx, ky):
        x, y = kx * 1e7, ky * 1e7
        return [[0.3 * x + 0.1, x - 1j * y], [x + 1j * y, 0.3 * x - 0.1]]

    with pytest.warns(sg.ConvergenceWarning, match="was not reached"):
        ds = sg.conductivity(sg.ContinuumModel(hamiltonian, 2), 0.15, rtol=1e-2, terms="qm", progress=False)
    value, error = entry(ds, "qm", "xyy")
    assert abs(value.item() - -0.286442733e7) <= error.item()
    assert ds.attrs["in_gap"] == "[]"


def test_unfinished_search_never_counts_as_converged():
    """Every term is odd here, so that nothing is asked of the integrator, and still the search must be finished."""
    s0, sx, sz = np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1.0, -1.0])
    hop = -0.5 * s0 - 0.15j * sx
    model = sg.LatticeModel(
        np.eye(2),
        {(0, 0): 0.5 * sz, (1, 0): hop, (-1, 0): hop.conj().T, (0, 1): 0 * s0, (0, -1): 0 * s0},
    )
    with pytest.warns(sg.ConvergenceWarning, match="before all"):
        ds = sg.conductivity(model, -1.2, max_k_points=200, progress=False)
    assert ds.attrs["converged"] == 0
    assert ds.attrs["noise_limited"] == "[]"


def test_single_band_has_a_reason_for_its_zeros():
    hop = -np.eye(1) * np.exp(0.3j)
    model = sg.LatticeModel(
        np.eye(2),
        {(0, 0): [[0.0]], (1, 0): hop, (-1, 0): hop.conj().T, (0, 1): [[-1.0]], (0, -1): [[-1.0]],
         (1, 1): 0.4j * np.eye(1), (-1, -1): -0.4j * np.eye(1)},
    )  # fmt: skip
    ds = sg.conductivity(model, -1.0, rtol=1e-2, progress=False)
    assert json.loads(ds.attrs["no_geometry"]) == ["bcd", "qm"]
    assert np.abs(ds["drude_natural"].values).max() > 1e-3
    for term in ("bcd", "qm"):
        assert not ds[term].values.any()
        assert ds[f"{term}_natural_error"].values.max() < 1e-12


def test_decoupled_bands_that_cross_cost_little():
    """Two copies that do not know of each other: no hot spot where they cross, and the sum of both alone."""

    def block(shift: float) -> dict:
        c, s = np.cos(shift), np.sin(shift)
        x = -0.5 * (c - 1j * s) * np.eye(1)
        skew = 0.2j * np.eye(1)
        return {(0, 0): [[shift]], (1, 0): x, (-1, 0): x.conj(), (0, 1): [[-0.5]], (0, -1): [[-0.5]],
                (1, 1): skew, (-1, -1): skew.conj()}  # fmt: skip

    parts = [block(0.1), block(0.7)]
    both = {R: np.diag([np.asarray(part[R]).item() for part in parts]) for R in parts[0]}
    options = {"rtol": 1e-2, "terms": "drude", "progress": False}
    joint = sg.conductivity(sg.LatticeModel(np.eye(2), both), -0.5, 0.01, **options)
    alone = [sg.conductivity(sg.LatticeModel(np.eye(2), part), -0.5, 0.01, **options) for part in parts]
    total = sum(ds["drude_natural"].values for ds in alone)
    allowed = joint["drude_natural_error"].values.max() + sum(ds["drude_natural_error"].values.max() for ds in alone)
    assert np.abs(total).max() > 1e-3
    assert np.abs(joint["drude_natural"].values - total).max() <= allowed
    assert joint.attrs["k_points"] < 30_000


def test_spectrum_below_the_degeneracy_tolerance_is_refused():
    hop = 1e-9 * np.array([[1.0, 0.3], [0.3, -1.0]])
    model = sg.LatticeModel(np.eye(2), {(0, 0): hop, (1, 0): hop, (-1, 0): hop, (0, 1): hop, (0, -1): hop})
    with pytest.raises(sg.ModelError, match="less than degeneracy_tol"):
        sg.conductivity(model, 0.0, 1e-9, progress=False)


def test_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch):
    from sigmaijk import sampler
    from sigmaijk.levelset import threads

    results = []
    for cores in (1, 3):
        monkeypatch.setattr(threads, "usable_cores", lambda cores=cores: cores)
        monkeypatch.setattr(sampler, "usable_cores", lambda cores=cores: cores)
        results.append(sg.conductivity(sg.models.dirac_pt(), [0.2, 0.25], [0.0, 0.01], rtol=1e-3, progress=False))
    assert results[0]["qm"].values.tobytes() == results[1]["qm"].values.tobytes()
    assert results[0]["qm_error"].values.tobytes() == results[1]["qm_error"].values.tobytes()
    assert np.abs(results[0]["qm_natural"].values).max() > 0.1


def test_time_reversed_valleys_keep_only_the_berry_curvature_dipole():
    """Two cones that time reversal exchanges: the dipoles of both add, what is odd under time reversal cancels."""

    def hamiltonian(kx, ky):
        rows = [[0] * 4 for _ in range(4)]
        for valley, sign in ((0, 1), (2, -1)):
            rows[valley][valley], rows[valley + 1][valley + 1] = sign * 0.3 * kx + 0.1, sign * 0.3 * kx - 0.1
            rows[valley][valley + 1], rows[valley + 1][valley] = sign * kx - 1j * ky, sign * kx + 1j * ky
        return rows

    ds = sg.conductivity(sg.ContinuumModel(hamiltonian, 2), 0.15, rtol=1e-3, progress=False)
    assert json.loads(ds.attrs["odd_in_k"]) == ["drude", "qm"]
    assert entry(ds, "bcd", "yxx")[0].item() == pytest.approx(2 * 0.0859328199, rel=1e-3)
    assert not ds["qm"].values.any()
    assert not ds["drude"].values.any()
    assert ds.attrs["converged"] == 1
