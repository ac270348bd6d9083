"""Linear layers whose weight is stored as an operator wants it (`core.model`).

They are linear layers to everything that walks a model: they have sizes, a bias, and a
`.weight` with shape and dtype but no numbers (a meta tensor), since no such matrix is
kept. Their integers never change, so copies of a layer share them.

Shapes: O output features, I input features.
"""

from typing import Any

import torch
from torch import Tensor, nn


class StoredLinear(nn.Linear):
    """What such layers share: tensors that are kept, moved, copied and never trained.

    A subclass says how they come from and go to the tensors of a file, whose names are
    `in_file`: `to_file` and `from_file`. Its module reads it again: `read_layer`.
    """

    kind: str = ""
    dense = False
    in_file: tuple[str, ...] = ()

    def __init__(
        self, rows: int, columns: int, *, dtype: torch.dtype, bias: nn.Parameter | None
    ):
        nn.Module.__init__(self)  # nn.Linear's own would make a weight
        self.out_features, self.in_features = rows, columns
        self.dtype = dtype
        self.register_parameter("bias", bias)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]  # not one to be set
        """The shape and dtype of the weight; its numbers are not kept as a matrix."""
        size = (self.out_features, self.in_features)
        return torch.empty(size, dtype=self.dtype, device="meta")

    def keep(self, tensors: dict[str, Tensor | None]) -> None:
        """Hold tensors as parameters that are not trained, in place of older ones."""
        for name in [name for name in self._parameters if name != "bias"]:
            del self._parameters[name]
        for name, tensor in tensors.items():
            if tensor is not None:
                kept = nn.Parameter(tensor, requires_grad=False)
                self.register_parameter(name, kept)

    def facts(self) -> dict[str, Any]:
        """Return what a file must say besides the tensors."""
        return {}

    def to_file(self) -> dict[str, Tensor]:
        raise NotImplementedError

    def from_file(self, tensors: dict[str, Tensor]) -> None:
        raise NotImplementedError

    def _save_to_state_dict(self, destination, prefix, keep_vars) -> None:
        tensors = self.to_file()
        if self.bias is not None:
            tensors["bias"] = self.bias if keep_vars else self.bias.detach()
        destination.update({prefix + name: tensor for name, tensor in tensors.items()})

    def _load_from_state_dict(
        self, state_dict, prefix, metadata, strict, missing, unexpected, errors
    ) -> None:
        to_move = {
            name.removeprefix(prefix): tensor
            for name, tensor in state_dict.items()
            if name.startswith(prefix)
        }
        if self.bias is not None:
            if "bias" in to_move:
                self.bias.data = to_move.pop("bias").to(self.bias)
            else:
                missing.append(prefix + "bias")
        unexpected += [prefix + name for name in to_move if name not in self.in_file]
        try:
            self.from_file(to_move)
        except KeyError as error:
            missing.append(prefix + error.args[0])
        except ValueError as error:
            errors.append(f"{prefix[:-1]}: {error}")

    def __deepcopy__(self, memo) -> "StoredLinear":
        """Share what never changes, in parameters of the copy's own."""
        copy = object.__new__(type(self))
        memo[id(self)] = copy
        for name, value in self.__dict__.items():
            copy.__dict__[name] = value.copy() if isinstance(value, dict) else value
        for name, old in self._parameters.items():
            if old is not None and id(old) not in memo:
                kept = old.clone() if name == "bias" else old
                memo[id(old)] = nn.Parameter(kept.detach(), old.requires_grad)
            copy._parameters[name] = None if old is None else memo[id(old)]
        copy.ready()
        return copy

    def ready(self) -> None:
        """Look at the parameters again; a subclass keeps them where they are fast."""

    def _apply(self, function, recurse=True) -> "StoredLinear":
        """Move to another device or dtype; a subclass looks at what is right there.

        Integers and scales stay what they are. Where it cannot be, nothing changes.
        """
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        after = function(like)
        changed = (after.device, after.dtype) != (self.device, self.dtype)
        tensors = self.to_file() if changed else {}
        before, self.dtype = self.dtype, after.dtype
        try:
            if changed:
                self.from_file({k: v.to(after.device) for k, v in tensors.items()})
        except Exception:
            self.dtype = before
            raise
        if self.bias is not None:
            self.bias.data = function(self.bias.data)
        self.ready()
        return self

    @property
    def device(self) -> torch.device:
        return next(
            kept.device
            for name, kept in self._parameters.items()
            if kept is not None and name != "bias"
        )
