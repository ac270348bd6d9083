"""The pretended GPU refuses what a GPU refuses, and lets pass what it lets pass."""

import pretended
import pytest
import torch


@pytest.fixture
def gpu(monkeypatch):
    with pretended.gpu(monkeypatch) as device:
        yield device


def test_a_tensor_says_that_it_lies_on_the_gpu_and_keeps_its_numbers(gpu):
    x = torch.arange(6, device="cuda").view(2, 3)
    assert x.device == gpu and x.is_cuda and not x.is_cpu
    assert (x + 1).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert int(x.max()) == 5 and x[1, 1:].cpu().numpy().tolist() == [4, 5]
    assert x.new_zeros(2).device == gpu and x.cpu().device.type == "cpu"


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.cat((x, torch.ones(3))),
        lambda x: torch.nn.functional.linear(x, torch.ones(2, 3)),
        lambda x: x.__setitem__(slice(0, 3), torch.ones(3)),
        lambda x: torch.where(torch.tensor([True, False, True]), x, 0.0),
    ],
)
def test_an_operator_on_two_devices_is_refused(gpu, mix):
    with pytest.raises(pretended.MixedDevicesError):
        mix(torch.zeros(3, device="cuda"))


def test_a_look_at_its_memory_is_refused(gpu):
    with pytest.raises(TypeError, match="can't convert cuda"):
        torch.zeros(3, device="cuda").numpy()


def test_copies_host_numbers_and_host_indices_are_taken(gpu):
    x = torch.zeros(3, device="cuda")
    x.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert (x * torch.tensor(2.0)).tolist() == [2, 4, 6]
    assert x[torch.tensor([2, 0])].tolist() == [3, 1]
    x[torch.tensor([1])] = 9.0
    assert x.tolist() == [1, 9, 3]


def test_a_module_moves_with_tied_weights(gpu):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    for place in (torch.float64, "cuda"):
        model.to(place)
        assert model[1].weight is model[0].weight  # as on a GPU, and in another type
    assert all(weight.is_cuda for weight in model.parameters())
    assert isinstance(model[0].weight, torch.nn.Parameter)
    model.float()
    with pytest.raises(pretended.MixedDevicesError):
        model(torch.ones(1, 2))
    assert model(torch.ones(1, 2, device="cuda")).device == gpu
    model.to("cpu")
    assert model[1].weight is model[0].weight and model[0].weight.device.type == "cpu"
    assert model(torch.ones(1, 2)).device.type == "cpu"
