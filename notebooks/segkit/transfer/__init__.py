"""Data, runs and comparison of the transfer assignment: what its notebooks are given."""
