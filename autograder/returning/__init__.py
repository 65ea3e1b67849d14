"""Gives each student the feedback and the marks of their submission, and each member of a group the group's."""
