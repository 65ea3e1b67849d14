"""A running course: a run of the grader over a class, and the gradebook that it fills."""
