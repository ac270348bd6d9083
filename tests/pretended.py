"""A device that is pretended: numbers lie on the processor, and say they lie on a GPU.

It finds what a GPU would refuse, where there is none: an operator whose tensors lie on
two devices, and a look at a GPU's memory as if it were the host's. Values are real, so
a whole generation runs, and its tokens can be compared. It shows no wrong kernel and
no time: for these a GPU is needed. It wraps calls of torch, not its operators, so what
a call does inside itself is not looked at.

    with pretended.gpu(monkeypatch):
        model = models.load("coder", device="cuda")
"""

import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

GPU, NAME = torch.device("cuda:0"), "a pretended GPU"
Tensor = torch.Tensor
# What a GPU takes beside its own: numbers to be copied, or an index of the host.
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu", "_pad_packed_sequence")
# Of some, only the shape is read; lengths of packed rows are always the host's.
PACKED = torch._VF._pack_padded_sequence
COPIES = {Tensor.copy_, Tensor.view_as, Tensor.expand_as, PACKED}
COPIES |= {getattr(torch._VF, name) for name in RECURRENT}
INDEXING = {Tensor.__getitem__, Tensor.__setitem__}
FACTS = {  # that a tensor tells of itself
    Tensor.device.__get__: GPU,
    Tensor.is_cuda.__get__: True,
    Tensor.is_cpu.__get__: False,
}
NUMBERS = {Tensor.numpy, Tensor.__array__}  # of the host's memory


class MixedDevicesError(RuntimeError):
    """An operator got tensors of two devices, which a GPU refuses."""


class OnGpu(torch.Tensor):
    """A tensor that says it lies on a GPU; `held` is where its numbers are."""

    @staticmethod
    def __new__(cls, held, requires_grad=False):
        return torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), dtype=held.dtype, device=GPU,
            storage_offset=held.storage_offset(), requires_grad=requires_grad,
        )  # fmt: skip

    def __init__(self, held, requires_grad=False):
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


class Calls(TorchFunctionMode):
    """Runs each call of torch on the processor, after a look at its devices."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch._has_compatible_shallow_copy_type:
            return True  # so that a module's tensor stays the same object, and tied
        if args and isinstance(args[0], OnGpu) and func in FACTS:
            return FACTS[func]
        if args and isinstance(args[0], OnGpu) and func in NUMBERS:
            raise TypeError("can't convert cuda:0 device type tensor to numpy.")
        if func == Tensor.data.__set__ and any(isinstance(one, OnGpu) for one in args):
            put(*args)
            return None
        if func is Tensor.__deepcopy__:
            return copied(*args)
        if func is Tensor.to:
            is_new = kwargs.pop("copy", False)
            parsed = torch._C._nn._parse_to(*map(_like, args[1:]), **kwargs)
            new = moved(args[0], *parsed[:2])
            return new.clone() if is_new and new is args[0] else new
        if func is Tensor.cpu:
            return moved(args[0], torch.device("cpu"), None)
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device"):
            device = torch.device(kwargs.pop("device"))
            return moved(self.__torch_function__(func, types, args, kwargs), device)
        return run(func, args, kwargs)


def copied(tensor, memo):
    """Return a copy of a tensor, once for all that hold it."""
    if id(tensor) not in memo:
        new = tensor.detach().clone()
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        new = torch.nn.Parameter(new, tensor.requires_grad) if is_parameter else new
        memo[id(tensor)] = new
    return memo[id(tensor)]


def put(tensor, value):
    """Let a tensor or a parameter become a value of the other device, in place."""
    if isinstance(value, OnGpu):
        new = OnGpu(value.held, tensor.requires_grad)
    else:
        new = value.detach()
    if isinstance(tensor, torch.nn.Parameter):
        new = torch.nn.Parameter(new, tensor.requires_grad)
    torch.utils.swap_tensors(tensor, new)


def moved(tensor, device, dtype=None):
    """Return a tensor on a device, in a type; itself where nothing changes."""
    is_there = isinstance(tensor, OnGpu)
    wanted = is_there if device is None else device.type == "cuda"
    held = _held(tensor)
    same = dtype is None or dtype == held.dtype
    if wanted == is_there and same:
        return tensor
    changed = held.clone() if same else held.to(dtype)
    return OnGpu(changed.detach()) if wanted else changed


def run(func, args, kwargs):
    """Run a call on the processor; refuse tensors of two devices."""
    flat, _ = tree_flatten((args, kwargs))
    tensors = [one for one in flat if isinstance(one, torch.Tensor)]
    ours = [one for one in tensors if isinstance(one, OnGpu)]
    is_ours = bool(ours)
    if ours:
        check(func, args, tensors)
    if func is Tensor.copy_:
        is_ours = isinstance(args[0], OnGpu)
    if kwargs.get("device") is not None:
        is_ours = torch.device(kwargs["device"]).type == "cuda"
        kwargs = {**kwargs, "device": torch.device("cpu")}
    bare = tree_map(_held, args), tree_map(_held, kwargs)
    out = func(*bare[0], **bare[1])
    if not is_ours:
        return out
    known = {id(one.held): one for one in ours}

    def wrapped(one):
        if not isinstance(one, torch.Tensor):
            return one
        return known[id(one)] if id(one) in known else OnGpu(one)

    if func is PACKED:
        return wrapped(out[0]), out[1]
    return tree_map(wrapped, out)


def check(func, args, tensors):
    """Raise where a GPU would: a tensor of the processor beside its own."""
    if func in COPIES:
        return
    strangers = [one for one in tensors if not isinstance(one, OnGpu) and one.dim()]
    if func in INDEXING and isinstance(args[0], OnGpu):
        value = args[2] if len(args) > 2 else None
        strangers = [one for one in strangers if one is value]
    if strangers:
        raise MixedDevicesError(
            f"{getattr(func, '__name__', func)} got "
            f"{[tuple(one.shape) for one in strangers]} on the processor beside "
            "tensors on the GPU"
        )


def _held(one):
    return one.held if isinstance(one, OnGpu) else one


def _like(one):
    """Return what `Tensor.to` can read of an example that lies on the GPU."""
    return GPU if isinstance(one, OnGpu) else one


@contextlib.contextmanager
def gpu(monkeypatch):
    """Let torch say that it sees one GPU, and make tensors for it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: NAME)
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    torch._C._ensureCUDADeviceGuardSet()  # one that does nothing, without a driver
    with Calls():
        yield GPU
