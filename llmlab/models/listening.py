"""Hear what the modules of a model are given, or give: the one home of forward hooks.

Calibration, activation scores, hidden states to match and maps of attention all ask the
same: which tensor went into, or came out of, this module in the last call? The tensors
are live, so gradients flow through them.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

Hear = Callable[[str, Tensor], None]


@contextmanager
def listening(
    model: nn.Module, names: Collection[str], *, outputs: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Give a dictionary that holds, by name, the tensor of each module's last call.

    names: of modules, as `named_modules` has them. outputs: what they return instead of
    what they are given; of several tensors the first. Hooks are gone when the block
    ends, however it ends. Raises ValueError for a name that no module has.
    """
    heard: dict[str, Tensor] = {}
    with hearing(model, names, heard.__setitem__, outputs=outputs):
        yield heard


@contextmanager
def hearing(
    model: nn.Module, names: Collection[str], hear: Hear, *, outputs: bool = False
) -> Iterator[None]:
    """Call `hear(name, tensor)` at each call of these modules; else as `listening`."""
    names = [names] if isinstance(names, str) else list(names)
    known = dict(model.named_modules(remove_duplicate=False))
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"names holds {unknown[0]!r}, and {type(model).__name__} has no such "
            f"module; its names are those of model.named_modules(), such as "
            f"{next(reversed(known))!r}."
        )
    hooks = []
    try:
        for name in names:
            if outputs:
                hook = _output_hook(name, hear)
                hooks.append(known[name].register_forward_hook(hook))
            else:
                hook = _input_hook(name, hear)
                hooks.append(
                    known[name].register_forward_pre_hook(hook, with_kwargs=True)
                )
        yield
    finally:
        for handle in hooks:
            handle.remove()


def _input_hook(name: str, hear: Hear) -> Callable[..., None]:
    def hook(module: nn.Module, arguments: tuple, keywords: dict[str, Any]) -> None:
        hear(name, _first_tensor((*arguments, *keywords.values()), name))

    return hook


def _output_hook(name: str, hear: Hear) -> Callable[..., None]:
    def hook(module: nn.Module, arguments: tuple, output: Any) -> None:
        hear(name, _first_tensor(output, name))

    return hook


def _first_tensor(value: Any, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    items = value.values() if hasattr(value, "values") else value
    for item in items if isinstance(items, Collection) else tuple(items or ()):
        if isinstance(item, Tensor):
            return item
    raise ValueError(f"module {name!r} was called without a tensor to listen to.")
