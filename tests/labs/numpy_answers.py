"""Accepted answers in NumPy's arrays and numbers, by lab."""

CELLS = {
    "measure": {
        "generate": """
def generate(model, prompt, max_tokens):
    import numpy

    text = numpy.array(prompt)
    for _ in range(max_tokens):
        logits = model(torch.from_numpy(text)[None]).detach().double().numpy()
        text = numpy.append(text, logits[0, -1].argmax())
        yield text[-1]
""",
        "token_times": """
def token_times(tokens, clock):
    import numpy

    stamps = numpy.array([clock(), *(clock() for _ in tokens)])
    return numpy.diff(stamps)[0], numpy.diff(stamps)[1:]
""",
        "generate_cached": """
def generate_cached(model, prompt, max_tokens):
    import numpy

    cache = model.new_cache(1, len(prompt) + max_tokens)
    new = numpy.array([prompt])
    for _ in range(max_tokens):
        logits = model(torch.from_numpy(new), cache).detach().double().numpy()
        new = logits[:, -1:].argmax(-1)
        yield new[0, 0]
""",
        "percentile": """
def percentile(samples, share):
    import numpy

    return numpy.quantile(samples, share)
""",
        "speedup": """
def speedup(baseline, candidate, picks, clock):
    import numpy

    stamps = [clock()]
    for _ in picks[0]:
        for work in (baseline, candidate):
            work()
            stamps.append(clock())
    slow, fast = numpy.diff(stamps).reshape(-1, 2).T
    ratios = slow / fast
    medians = numpy.median(ratios[numpy.array(picks)], axis=1)
    return numpy.append(numpy.median(ratios), numpy.quantile(medians, [0.025, 0.975]))
""",
        "step_bytes": """
def step_bytes(parameters, shape, cached, batch, value_bytes):
    import numpy

    sizes = [2, batch, shape.layers, shape.kv_heads, cached + 1, shape.head_width]
    return (parameters + numpy.prod(sizes, dtype=numpy.int64)) * value_bytes
""",
        "roofline": """
def roofline(flops, moved, peak, bandwidth):
    import numpy

    times = numpy.array([flops / peak, moved / bandwidth])
    return times.max(), numpy.array(["compute", "bandwidth"])[times.argmax()]
""",
    },
    "attention_vs_rnn": {
        "attend": """
def attend(queries, keys, values):
    import numpy

    q, k, v = (one.detach().double().numpy() for one in (queries, keys, values))
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    shares = numpy.exp(scores - scores.max(-1, keepdims=True))
    shares = numpy.tril(shares, k.shape[-2] - q.shape[-2])
    mixed = shares / shares.sum(-1, keepdims=True) @ v
    return torch.from_numpy(mixed).to(queries.dtype)
""",
        "several_heads": """
def several_heads(x, inputs, output, heads):
    import numpy

    parts = numpy.split((x @ inputs.T).detach().numpy(), 3, axis=1)
    split = [part.reshape(len(x), heads, -1).swapaxes(0, 1) for part in parts]
    mixed = attend(*(torch.tensor(part) for part in split)).numpy()
    joined = torch.tensor(mixed.swapaxes(0, 1).reshape(x.shape))
    return joined @ output.T
""",
        "lstm_step": """
def lstm_step(x, hidden, cell, weight_ih, weight_hh, bias):
    import numpy

    def sigmoid(one):
        return 1 / (1 + numpy.exp(-one))

    gates = (x @ weight_ih.T + hidden @ weight_hh.T + bias).detach().numpy()
    i, f, g, o = numpy.split(gates, 4, axis=1)
    new = sigmoid(f) * cell.numpy() + sigmoid(i) * numpy.tanh(g)
    return torch.tensor(sigmoid(o) * numpy.tanh(new)), torch.tensor(new)
""",
        "gradient_by_distance": """
def gradient_by_distance(model, x):
    import numpy

    x = x.detach().clone().requires_grad_()
    (rows,) = torch.autograd.grad(model(x)[-1].sum(), x)
    return numpy.linalg.norm(rows.numpy(), axis=1)[::-1]
""",
        "scan": """
def scan(decay, new):
    import numpy

    a, b, span = decay.detach().numpy(), new.detach().numpy(), 1
    while span < b.shape[1]:
        later = a[:, span:]
        b = numpy.concatenate(
            (b[:, :span], later * b[:, :-span] + b[:, span:]), axis=1
        )
        a = numpy.concatenate((a[:, :span], later * a[:, :-span]), axis=1)
        span *= 2
    return torch.tensor(b)
""",
    },
    "quantization": {
        "absmax": """
def absmax(row, bits):
    import numpy

    row, last = row.double().numpy(), 2 ** (bits - 1) - 1
    scale = numpy.abs(row).max() / last or numpy.float64(1)
    return torch.from_numpy(numpy.rint(row / scale).astype("int8")), scale
""",
        "affine": """
def affine(row, bits):
    import numpy

    row, top = row.double().numpy(), 2**bits - 1
    low, high = numpy.minimum(0, row.min()), numpy.maximum(0, row.max())
    scale = (high - low) / top or numpy.float64(1)
    zero_point = numpy.rint(-low / scale)
    levels = numpy.clip(numpy.rint(row / scale) + zero_point, 0, top)
    return torch.from_numpy(levels.astype("uint8")), scale, zero_point
""",
        "by_group": """
def by_group(weight, group_size, bits):
    import numpy

    groups = weight.double().numpy().reshape(len(weight), -1, group_size)
    scales = numpy.abs(groups).max(-1) / (2 ** (bits - 1) - 1)
    scales[scales == 0] = 1
    integers = numpy.rint(groups / scales[..., None]).astype("int8")
    return torch.from_numpy(integers).flatten(1), torch.from_numpy(scales)
""",
        "integer_matmul": """
def integer_matmul(x, x_scales, weight, weight_scales):
    import numpy

    sums = x.numpy().astype("int32") @ weight.numpy().T.astype("int32")
    scales = numpy.outer(x_scales.numpy(), weight_scales.numpy())
    return torch.from_numpy(sums * scales)
""",
        "quantized_linear": """
class QuantizedLinear(torch.nn.Module):
    def __init__(self, linear):
        super().__init__()
        weight = linear.weight.detach()
        integers, scales = by_group(weight, weight.shape[1], 8)
        self.register_buffer("integers", integers)
        self.register_buffer("scales", scales.flatten().float())
        self.bias = linear.bias

    def forward(self, x):
        rows = x.detach().reshape(-1, x.shape[-1])
        integers, scales = by_group(rows, rows.shape[1], 8)
        y = integer_matmul(integers, scales.flatten(), self.integers, self.scales)
        y = y.to(x.dtype).view(*x.shape[:-1], -1)
        return y if self.bias is None else y + self.bias
""",
        "answer_error": """
def answer_error(weight, rounded, hessian):
    import numpy

    change = (weight - rounded).double().numpy()
    return numpy.einsum("oi,ij,oj->", change, hessian.double().numpy(), change)
""",
        "gptq_columns": """
def gptq_columns(weight, hessian, scale, bits):
    import numpy

    left, step = weight.double().numpy().copy(), scale.double().numpy()
    inverse = numpy.linalg.inv(hessian.double().numpy())
    factor = numpy.linalg.cholesky(inverse).T
    integers, low = numpy.zeros_like(left), -(2 ** (bits - 1))
    for j in range(left.shape[1]):
        integers[:, j] = numpy.clip(numpy.rint(left[:, j] / step[:, j]), low, ~low)
        error = (left[:, j] - integers[:, j] * step[:, j]) / factor[j, j]
        left[:, j + 1 :] -= numpy.outer(error, factor[j, j + 1 :])
    return torch.from_numpy(integers)
""",
        "awq_factors": """
def awq_factors(weight, hessian, size, round_weight, powers):
    import numpy

    tried = [size**power for power in powers]
    errors = [
        answer_error(weight, round_weight(weight * one) / one, hessian) for one in tried
    ]
    return tried[int(numpy.argmin(errors))]
""",
        "straight_through": """
def straight_through(weight, scale, bits):
    import numpy

    last = 2 ** (bits - 1) - 1
    steps = weight / scale
    whole = torch.from_numpy(numpy.rint(steps.detach().double().numpy()))
    inside = whole.abs() <= last
    fixed = whole.clamp(-last, last) * scale
    return fixed + (weight - weight.detach()) * inside
""",
        "mixed_precision": """
def mixed_precision(losses, sizes, budget):
    import numpy

    names = [*losses]
    choices = numpy.array([*product(*losses.values())])
    rows = [dict(zip(names, row)) for row in choices]
    size = [sum(sizes[n][int(b)] for n, b in row.items()) for row in rows]
    loss = numpy.array([sum(losses[n][int(b)] for n, b in row.items()) for row in rows])
    loss[numpy.array(size) > budget] = numpy.inf
    return rows[int(loss.argmin())]
""",
    },
}
