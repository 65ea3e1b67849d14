"""Releases of the course: the bundle, and how a newer one takes the place of an older one without losing work.

Nothing here needs more than Python: it runs before anything is installed, also out of the zip itself.
"""
