"""The founding paper's figures and table, computed by the public functions (QIANG_2025)."""
