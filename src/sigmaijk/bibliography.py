"""Each cited paper once; code cites `PAPER.equation(14)`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A publication that a formula or a number comes from."""

    authors: str
    title: str
    journal: str
    year: int

    def equation(self, number: int | str) -> str:
        """Citation of one numbered equation."""
        return f"{self.authors}, {self.journal} ({self.year}), Eq. {number}"


QIANG_2025 = Paper(
    "X.-B. Qiang, T. Liu, Z.-X. Gao, H.-Z. Lu, X. C. Xie",
    "A Clarification on Quantum-Metric-Induced Nonlinear Transport",
    "Advanced Science, doi:10.1002/advs.202514818",
    2025,
)
WANG_2006 = Paper(
    "X. Wang, J. R. Yates, I. Souza, D. Vanderbilt",
    "Ab initio calculation of the anomalous Hall conductivity by Wannier interpolation",
    "Phys. Rev. B 74, 195118",
    2006,
)
SODEMANN_2015 = Paper(
    "I. Sodemann, L. Fu",
    "Quantum Nonlinear Hall Effect Induced by Berry Curvature Dipole in Time-Reversal Invariant Materials",
    "Phys. Rev. Lett. 115, 216806",
    2015,
)
XIAO_2010 = Paper(
    "D. Xiao, M.-C. Chang, Q. Niu", "Berry phase effects on electronic properties", "Rev. Mod. Phys. 82, 1959", 2010
)
TSIRKIN_2018 = Paper(
    "S. S. Tsirkin, P. Aguado Puente, I. Souza",
    "Gyrotropic effects in trigonal tellurium studied from first principles",
    "Phys. Rev. B 97, 035158",
    2018,
)
SMEJKAL_2017 = Paper(
    "L. Smejkal, J. Zelezny, J. Sinova, T. Jungwirth",
    "Electric Control of Dirac Quasiparticles by Spin-Orbit Torque in an Antiferromagnet",
    "Phys. Rev. Lett. 118, 106402",
    2017,
)
QIU_2025 = Paper(
    "J.-X. Qiu, B. Ghosh, J. Schuette-Engel, T. Qian, M. Smith, and others",
    "Observation of the axion quasiparticle in 2D MnBi2Te4",
    "Nature, doi:10.1038/s41586-025-08862-x, Supplementary Information V",
    2025,
)
