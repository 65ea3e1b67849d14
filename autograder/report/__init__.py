"""The class report: one page about a graded class, for whoever teaches it."""
