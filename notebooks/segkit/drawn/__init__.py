"""The drawn sample: a canvas that paints picture and annotation together, things to put on it, scenes of them."""
