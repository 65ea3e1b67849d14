"""Grading on Gradescope: a zip that it installs, and what runs there for each submission.

Layout and formats follow https://gradescope-autograders.readthedocs.io: `specs` and `submission_metadata`.
"""
