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
HALDANE_1988 = Paper(
    "F. D. M. Haldane",
    "Model for a Quantum Hall Effect without Landau Levels: Condensed-Matter Realization of the 'Parity Anomaly'",
    "Phys. Rev. Lett. 61, 2015",
    1988,
)
LIU_2021 = Paper(
    "H. Liu, J. Zhao, Y.-X. Huang, W. Wu, X.-L. Sheng, C. Xiao, S. A. Yang",
    "Intrinsic Second-Order Anomalous Hall Effect and Its Application in Compensated Antiferromagnets",
    "Phys. Rev. Lett. 127, 277202",
    2021,
)
ARMITAGE_2018 = Paper(
    "N. P. Armitage, E. J. Mele, A. Vishwanath",
    "Weyl and Dirac semimetals in three-dimensional solids",
    "Rev. Mod. Phys. 90, 015001",
    2018,
)
FANG_2016 = Paper(
    "C. Fang, H. Weng, X. Dai, Z. Fang", "Topological nodal line semimetals", "Chin. Phys. B 25, 117106", 2016
)
YODA_2018 = Paper(
    "T. Yoda, T. Yokoyama, S. Murakami",
    "Orbital Edelstein Effect as a Condensed-Matter Analog of Solenoid",
    "Nano Lett. 18, 916",
    2018,
)
TSIRKIN_2021 = Paper(
    "S. S. Tsirkin",
    "High performance Wannier interpolation of Berry curvature and related quantities with WannierBerri code",
    "npj Comput. Mater. 7, 33",
    2021,
)
