"""Answers to the core exercise of lab 04, a quantized linear layer: right and wrong."""

import numpy
import torch
from quantizers import QuantizedLinear, by_group, integer_matmul
from torch import nn


class WithEinsum(nn.Module):
    """Keeps the weight transposed and lets einsum sum in int64."""

    def __init__(self, linear):
        super().__init__()
        self.bias = linear.bias
        largest = linear.weight.detach().abs().max(1).values
        scales = torch.where(largest > 0, largest / 127, 1.0)
        integers = torch.round(linear.weight.detach() / scales[:, None])
        self.register_buffer("turned", integers.T.contiguous().to(torch.int8))
        self.register_buffer("scales", scales)

    def forward(self, x):
        sizes = x.abs().amax(-1, keepdim=True)
        sizes = torch.where(sizes > 0, sizes, 127.0)
        whole = torch.round(x * 127 / sizes).to(torch.int8)
        sums = torch.einsum("...i,io->...o", whole.long(), self.turned.long())
        y = sums * (sizes / 127) * self.scales
        return y + self.bias if self.bias is not None else y


class WithFloats(nn.Module):
    """Multiplies in float64, which holds these sums exactly; a column of scales."""

    def __init__(self, linear):
        super().__init__()
        integers, scales = by_group(linear.weight.data, linear.in_features, 8)
        self.register_buffer("codes", integers)
        self.register_buffer("steps", scales)  # (O, 1)
        self.register_parameter("bias", linear.bias)

    def forward(self, x):
        flat = x.reshape(-1, x.size(-1))
        codes, steps = by_group(flat, flat.size(1), 8)
        y = (codes.double() @ self.codes.double().T) * steps * self.steps.T
        y = y.float() + (0 if self.bias is None else self.bias)
        return y.view(*x.shape[:-1], y.size(1))


class WithNumpy(nn.Module):
    """Goes token by token, in NumPy."""

    def __init__(self, linear):
        super().__init__()
        integers, scales = by_group(linear.weight.detach(), linear.in_features, 8)
        self.register_buffer("integers", integers)
        self.register_buffer("scales", scales[:, 0].clone())
        self.bias = linear.bias

    def forward(self, x):
        if x.dim() > 1:
            return torch.stack([self.forward(row) for row in x])
        row = x.numpy()
        scale = float(abs(row).max()) / 127 or 1.0
        whole = numpy.rint(row / scale).astype(numpy.int32)
        sums = self.integers.numpy().astype(numpy.int32) @ whole
        y = torch.from_numpy(sums * scale).float() * self.scales
        return y if self.bias is None else y + self.bias


class WithoutBias(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        self.bias = None


class OneScale(QuantizedLinear):
    def forward(self, x):
        flat = x.flatten(0, -2)
        codes, scale = by_group(flat.reshape(1, -1), flat.numel(), 8)
        scales = scale.flatten().expand(len(flat))
        y = integer_matmul(codes.view_as(flat), scales, self.integers, self.scales)
        y = y if self.bias is None else y + self.bias
        return y.unflatten(0, x.shape[:-1])


class Dequantized(QuantizedLinear):
    def forward(self, x):
        weight = self.integers * self.scales[:, None]
        return nn.functional.linear(x, weight, self.bias)


class Flattened(QuantizedLinear):
    def forward(self, x):
        return super().forward(x.flatten(0, -2))


class KeepsTheOldOne(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        self.linear = linear


class KeepsItInAList(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        self.old = [linear]


class KeepsItInAFunction(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        self.exact = lambda x: linear(x)


class Undetached(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        self.scales = by_group(linear.weight, linear.in_features, 8)[1].flatten()


class PlainBias(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        bias = self.bias
        del self.bias
        self.bias = None if bias is None else bias.detach().clone()


class FloatsAfterRounding(QuantizedLinear):
    def forward(self, x):
        flat = x.flatten(0, -2)
        codes, scales = by_group(flat, flat.shape[1], 8)
        y = (codes * scales) @ (self.integers * self.scales[:, None]).T
        y = y if self.bias is None else y + self.bias
        return y.unflatten(0, x.shape[:-1])


class FloatSums(QuantizedLinear):
    def forward(self, x):
        flat = x.flatten(0, -2)
        codes, scales = by_group(flat, flat.shape[1], 8)
        y = codes.float() @ self.integers.float().T * scales * self.scales
        y = y if self.bias is None else y + self.bias
        return y.unflatten(0, x.shape[:-1])


class Parameters(nn.Module):
    forward = QuantizedLinear.forward

    def __init__(self, linear):
        super().__init__()
        integers, scales = by_group(linear.weight.data, linear.in_features, 8)
        self.integers = nn.Parameter(integers, requires_grad=False)
        self.scales, self.bias = nn.Parameter(scales.flatten()), linear.bias


def kept_in(dtype):
    """Return a layer whose integers are kept in another dtype."""

    class Other(QuantizedLinear):
        def __init__(self, linear):
            super().__init__(linear)
            self.integers = self.integers.to(dtype)

    return Other


class TrainedIntegers(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.integers = nn.Parameter(by_group(linear.weight.data, 1, 8)[0])


class PlainAttributes(nn.Module):
    forward = QuantizedLinear.forward

    def __init__(self, linear):
        super().__init__()
        self.integers, scales = by_group(linear.weight.data, linear.in_features, 8)
        self.scales, self.bias = scales.flatten(), linear.bias


class FourBits(nn.Module):
    forward = QuantizedLinear.forward

    def __init__(self, linear):
        super().__init__()
        integers, scales = by_group(linear.weight.data, linear.in_features, 4)
        self.register_buffer("integers", integers)
        self.register_buffer("scales", scales.flatten())
        self.bias = linear.bias


class OneScaleForTheWeight(nn.Module):
    forward = QuantizedLinear.forward

    def __init__(self, linear):
        super().__init__()
        weight = linear.weight.data
        integers, scale = by_group(weight.reshape(1, -1), weight.numel(), 8)
        self.register_buffer("integers", integers.view_as(weight))
        self.register_buffer("scales", scale.flatten().repeat(len(weight)))
        self.bias = linear.bias


class NoForward(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.register_buffer("integers", linear.weight.to(torch.int8))


class InPlace(QuantizedLinear):
    def __init__(self, linear):
        super().__init__(linear)
        linear.weight.data.mul_(2)


def no_module(linear):
    return lambda x: linear(x)


RIGHT = {"quantized_linear": (QuantizedLinear, WithEinsum, WithFloats, WithNumpy)}
WRONG = {
    "quantized_linear": {
        "no bias": (WithoutBias, "bias is missing"),
        "one scale for all tokens": (OneScale, "every token needs a scale"),
        "one scale for all outputs": (
            OneScaleForTheWeight,
            "every output needs a scale",
        ),
        "floats multiplied": (Dequantized, "activations are not rounded"),
        "axes lost": (Flattened, "axes of the input are lost"),
        "float weight kept": (KeepsTheOldOne, "float weight is still there"),
        "float weight in a list": (KeepsItInAList, "float weight is still there"),
        "float weight in a closure": (KeepsItInAFunction, "float weight is still"),
        "scales with a gradient": (Undetached, "torch.no_grad()"),
        "plain bias": (PlainBias, "bias is a plain tensor"),
        "floats after rounding": (FloatsAfterRounding, "floats are multiplied"),
        "sums in float32": (FloatSums, "floats are multiplied"),
        "integers in int32": (kept_in(torch.int32), "int8 holds the integers"),
        "integers in float32": (kept_in(torch.float32), "kept as floats"),
        "parameters": (Parameters, "nn.Parameter"),
        "trained integers": (TrainedIntegers, "nn.Parameter"),
        "plain attributes": (PlainAttributes, "register_buffer"),
        "four bits": (FourBits, "these are 4 bits"),
        "no forward": (NoForward, "forward"),
        "old layer changed": (InPlace, "stays as it was"),
        "no module": (no_module, "nn.Module"),
    }
}
