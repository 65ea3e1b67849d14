"""Where to compute: segkit.devices."""

from torch import nn

from segkit.devices import best_device, device_of


def test_a_model_lies_where_its_parameters_lie():
    assert device_of(nn.Linear(2, 2)).type == "cpu"
    assert device_of(nn.Linear(2, 2, device="meta")).type == "meta"


def test_a_model_without_parameters_counts_as_lying_on_the_cpu():
    assert device_of(nn.Identity()).type == "cpu"


def test_the_best_device_can_compute():
    assert nn.Linear(2, 2).to(best_device()).weight.sum().isfinite()
