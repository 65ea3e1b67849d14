"""Grades a class: several notebooks at a time, ahead of nbgrader's own work, here or on other machines."""
