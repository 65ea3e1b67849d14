"""Published encoders in a student's model.

`load_pretrained(model, "nvidia/mit-b0")` puts the weights of a published encoder into the student's own modules and
verifies that they compute the published function; `sizes("b2")` are the arguments that make a SegFormer large enough.

    finding, files      which file is meant, and the tensors in it
    names, sizes        the three ways in which the tensors are called, and their shapes
    function            what a stage computes, from the tensors alone
    flow, roles         where the data meet the student's parameters, and what these are therefore for
    layouts, arranging  the ways in which parameters may hold a tensor
    placing, loading    trying, verifying, and putting all into the model or nothing
"""

from segkit.pretrained.loading import load_pretrained
from segkit.pretrained.sizes import SIZES, sizes

__all__ = ["SIZES", "load_pretrained", "sizes"]
