"""What a training needs to go on: weights, optimizer and random state, in one file.

Everything is a tensor or JSON, so the file is safetensors and nothing is unpickled. It
replaces its older self in one step, so a kill leaves the old one or the new one.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from llmlab.core import atomic


class State:
    """The moving parts of a training, to and from one safetensors file."""

    def __init__(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]):
        self.model, self.optimizers = model, optimizers
        self.dtype: str | None = None  # that it computes in; known once it has begun

    def save(self, path: Path, step: int) -> None:
        """Write everything after `step` steps; a full disk leaves the old file."""
        tensors = {f"model.{k}": p.data for k, p in self.model.named_parameters()}
        tensors["random"] = torch.get_rng_state()
        plain = []
        for number, optimizer in enumerate(self.optimizers):
            held = optimizer.state_dict()
            values = {}
            for index, entries in held["state"].items():
                for key, value in entries.items():
                    name = f"optimizer.{number}.{index}.{key}"
                    if isinstance(value, Tensor):
                        tensors[name] = value
                    else:
                        values[f"{index}.{key}"] = value
            plain.append({"groups": held["param_groups"], "values": values})
        header = {"step": str(step), "optimizers": json.dumps(plain)}
        header["dtype"] = str(self.dtype)
        whole = {k: v.contiguous() for k, v in tensors.items()}
        with atomic.replacing(path) as beside:
            save_file(whole, beside, header)

    def load(self, path: Path) -> int:
        """Put everything back and return the number of steps done.

        Raises ValueError when the file is damaged or belongs to another model.
        """
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata()
                tensors = {key: file.get_tensor(key) for key in file.keys()}
            step, plain = int(header["step"]), json.loads(header["optimizers"])
            self.dtype = header["dtype"]
        except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path} is not a training checkpoint ({error}); remove it to start."
            ) from error
        self._fill_model(tensors, path)
        for number, (optimizer, entry) in enumerate(
            zip(self.optimizers, plain, strict=True)
        ):
            optimizer.load_state_dict(_state_dict(number, tensors, entry))
        torch.set_rng_state(tensors["random"])
        return step

    def _fill_model(self, tensors: dict[str, Tensor], path: Path) -> None:
        parameters = dict(self.model.named_parameters())
        stored = {
            k.removeprefix("model."): v
            for k, v in tensors.items()
            if k.startswith("model.")
        }
        same = parameters.keys() == stored.keys()
        if not same or any(parameters[k].shape != stored[k].shape for k in parameters):
            raise ValueError(
                f"{path} holds the training of another model; choose another folder, "
                "or remove it to start anew."
            )
        for key, parameter in parameters.items():
            parameter.data.copy_(stored[key])


def _state_dict(number: int, tensors: dict[str, Tensor], entry: dict) -> dict:
    state: dict[int, dict] = {}
    prefix = f"optimizer.{number}."
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            index, key = name.removeprefix(prefix).split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
    for name, value in entry["values"].items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": entry["groups"]}
