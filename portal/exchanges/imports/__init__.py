"""Imports of tables: read (`tables`), understood (`columns`, `values`), checked (`checking`), written (`writing`)."""
