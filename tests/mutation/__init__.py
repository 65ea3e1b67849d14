"""Mutation testing of the hidden tests: each small change of the reference must make one of them fail."""
