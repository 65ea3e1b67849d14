"""numpy."""

import numpy


def map_labels(annotation):
    ids = numpy.asarray(annotation)
    labels = numpy.zeros(ids.shape, dtype=numpy.int64)
    for label, listed in ADE20K_CLASSES.items():
        labels[numpy.isin(ids, listed)] = label
    return labels
