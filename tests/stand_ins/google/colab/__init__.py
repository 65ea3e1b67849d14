"""Stands in for Colab's package: what `segkit.online` uses of it, and nothing else."""
