"""From what students handed in, and from the bulk downloads of learning platforms, into `submitted/`."""

from autograder.collect.collecting import Summary, collect

__all__ = ["Summary", "collect"]
