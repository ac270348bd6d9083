"""Accepted answers in lists, loops, numbers of Python or 0-d tensors, by lab."""

CELLS = {
    "measure": {
        "generate": """
def generate(model, prompt, max_tokens):
    text = torch.tensor([prompt])
    for _ in range(max_tokens):
        token = model(text)[:, -1:].argmax(-1)
        text = torch.cat((text, token), 1)
        yield token[0, 0]
""",
        "token_times": """
def token_times(tokens, clock):
    start = clock()
    stamps = torch.tensor([clock() - start for _ in tokens], dtype=torch.float64)
    return stamps[0], stamps.diff()
""",
        "generate_cached": """
def generate_cached(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens)
    new = torch.tensor([prompt])
    for _ in range(max_tokens):
        token = model(new, cache)[0, -1].argmax()
        yield token
        new = token[None, None]
""",
        "percentile": """
def percentile(samples, share):
    return torch.tensor([float(one) for one in samples]).double().quantile(share)
""",
        "speedup": """
def speedup(baseline, candidate, picks, clock):
    ratios = []
    for _ in picks[0]:
        start = clock()
        baseline()
        middle = clock()
        candidate()
        ratios.append((middle - start) / (clock() - middle))
    medians = [percentile([ratios[place] for place in row], 0.5) for row in picks]
    ends = [percentile(medians, share) for share in (0.025, 0.975)]
    return [percentile(ratios, 0.5), *ends]
""",
        "step_bytes": """
def step_bytes(parameters, shape, cached, batch, value_bytes):
    moved = parameters * value_bytes
    for _ in range(shape.layers):
        token = 2 * shape.kv_heads * shape.head_width * value_bytes
        moved += batch * (cached + 1) * token
    return torch.tensor(moved)
""",
        "roofline": """
def roofline(flops, moved, peak, bandwidth):
    times = torch.tensor([flops / peak, moved / bandwidth], dtype=torch.float64)
    return [times.max(), ["compute", "bandwidth"][int(times.argmax())]]
""",
    },
    "attention_vs_rnn": {
        "attend": """
def attend(queries, keys, values):
    scores = torch.einsum("...td,...sd->...ts", queries, keys)
    scores = scores / queries.shape[-1] ** 0.5
    more = keys.shape[-2] - queries.shape[-2]
    scores = scores + torch.full(scores.shape[-2:], -torch.inf).triu(1 + more)
    return torch.einsum("...ts,...sd->...td", torch.softmax(scores, -1), values)
""",
        "several_heads": """
def several_heads(x, inputs, output, heads):
    queries, keys, values = (x @ part.T for part in inputs.chunk(3))
    width, out = len(output) // heads, torch.zeros(x.shape)
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        out[:, own] = attend(queries[:, own], keys[:, own], values[:, own])
    return out @ output.T
""",
        "lstm_step": """
def lstm_step(x, hidden, cell, weight_ih, weight_hh, bias):
    weights = torch.cat((weight_ih, weight_hh), 1)
    both = torch.cat((x, hidden), 1) @ weights.T + bias
    i, f, g, o = both.chunk(4, 1)
    new = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return torch.stack((o.sigmoid() * new.tanh(), new))
""",
        "gradient_by_distance": """
def gradient_by_distance(model, x):
    x = x.detach().clone().requires_grad_()
    model(x)[len(x) - 1].sum().backward()
    return [row.norm() for row in reversed(x.grad)]
""",
        "scan": """
def scan(decay, new):
    tokens = new.shape[1]
    if tokens == 1:
        return new
    later = decay[:, 1::2]
    even = slice(0, tokens // 2 * 2, 2)
    pairs = scan(later * decay[:, even], later * new[:, even] + new[:, 1::2])
    states = torch.zeros_like(new)
    states[:, 0] = new[:, 0]
    states[:, 1::2] = pairs
    before = pairs[:, : (tokens - 1) // 2]
    states[:, 2::2] = decay[:, 2::2] * before + new[:, 2::2]
    return states
""",
    },
    "quantization": {
        "absmax": """
def absmax(row, bits):
    last = 2 ** (bits - 1) - 1
    scale = row.abs().max() / last
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return [torch.round(row / scale).char(), scale]
""",
        "affine": """
def affine(row, bits):
    low, high = torch.cat((row, row.new_zeros(1))).aminmax()
    scale = (high - low) / (2**bits - 1)
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero_point = torch.round(-low / scale)
    levels = torch.clamp(torch.round(row / scale) + zero_point, max=2**bits - 1)
    return [levels.byte(), scale, zero_point]
""",
        "by_group": """
def by_group(weight, group_size, bits):
    groups = weight.unfold(1, group_size, group_size)
    scales = groups.abs().max(-1).values / (2 ** (bits - 1) - 1)
    scales = torch.where(scales == 0, torch.ones_like(scales), scales)
    wide = scales.repeat_interleave(group_size, 1)
    return [torch.round(weight / wide).to(torch.int8), scales]
""",
        "integer_matmul": """
def integer_matmul(x, x_scales, weight, weight_scales):
    sums = torch.stack([(row.int() * weight.int()).sum(1) for row in x])
    return torch.diag(x_scales) @ sums.float() @ torch.diag(weight_scales)
""",
        "quantized_linear": """
class QuantizedLinear(torch.nn.Module):
    def __init__(self, linear):
        super().__init__()
        integers, scales = by_group(linear.weight.detach(), linear.in_features, 8)
        self.register_buffer("integers", integers)
        self.register_buffer("scales", scales[:, 0])
        self.register_parameter("bias", linear.bias)

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        integers, scales = by_group(tokens, x.shape[-1], 8)
        y = integer_matmul(integers, scales[:, 0], self.integers, self.scales)
        y = y.float().reshape(*x.shape[:-1], len(self.integers))
        return y if self.bias is None else y + self.bias
""",
        "answer_error": """
def answer_error(weight, rounded, hessian):
    total = 0
    for change in weight - rounded:
        total = total + change @ hessian @ change
    return total
""",
        "gptq_columns": """
def gptq_columns(weight, hessian, scale, bits):
    factor = torch.linalg.cholesky(torch.linalg.inv(hessian)).mT
    left, columns = weight.clone(), []
    for j in range(weight.shape[1]):
        steps = torch.round(left[:, j] / scale[:, j])
        columns.append(steps.clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
        error = (left[:, j] - columns[-1] * scale[:, j]) / factor[j, j]
        left = left - error[:, None] * factor[j] * (torch.arange(len(factor)) > j)
    return torch.stack(columns, 1)
""",
        "awq_factors": """
def awq_factors(weight, hessian, size, round_weight, powers):
    def error(power):
        scales = size**power
        return float(answer_error(weight, round_weight(weight * scales) / scales,
                                  hessian))

    return size ** min(powers, key=error)
""",
        "straight_through": """
def straight_through(weight, scale, bits):
    last = 2 ** (bits - 1) - 1
    inside = (weight / scale).clamp(-last, last)
    return (inside + (inside.round() - inside).detach()) * scale
""",
        "mixed_precision": """
def mixed_precision(losses, sizes, budget):
    best = None
    for bits in product(*losses.values()):
        size = sum(sizes[layer][b] for layer, b in zip(losses, bits))
        loss = sum(losses[layer][b] for layer, b in zip(losses, bits))
        if size <= budget and (best is None or loss < best[0]):
            best = [loss, bits]
    return {layer: b for layer, b in zip(losses, best[1])}
""",
    },
}
