# %% [markdown]
# # From a Wannier90 file to sigma(mu, T)
# Run cell by cell, or as `python wannier_to_figure.py`, in this folder. The file is a sheet in a cell of 20 angstrom.
# For your own: its `_tb.dat`, and `fermi_energy=` of your calculation, from which mu is then counted.

# %%
import numpy as np

import sigmaijk as sg

# %%
model = sg.read_wannier90("cumnas_tb.dat", dim=2)
mu = np.linspace(-1.1, -0.5, 13)
ds = sg.conductivity(model, mu, [sg.kelvin(T) for T in (0, 100, 300)], terms="qm", rtol=1e-3, progress=False)
ds.to_netcdf("cumnas.nc", engine="h5netcdf")

# %%
from sigmaijk.plots.response import plot_response

plot_response(ds, "cumnas.png")
print(sg.component(ds, "qm", "yxx", unit="uA nm/V^2").sel(mu=-1.0).values, "uA nm/V^2")

# %% [markdown]
# Where it comes from: the points of the Fermi line that dominate, and their gaps.

# %%
spots = sg.fermi_map(model, -1.0).dominant("yxx", count=3)
print("\n".join(f"k = {spot.k} 1/nm: {100 * spot.share:.0f} %, gap {spot.gap:.2f} eV" for spot in spots))
