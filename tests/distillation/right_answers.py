"""Right answers to the exercises of lab 06, truly different ones for each."""

import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from operator import eq

import numpy
import torch
from torch import distributions, nn
from torch.nn import functional


def soft_by_kl_div(student_logits, teacher_logits, temperature):
    words = student_logits.shape[-1]
    student = functional.log_softmax(student_logits / temperature, dim=-1)
    teacher = functional.softmax(teacher_logits.detach() / temperature, dim=-1)
    loss = functional.kl_div(
        student.reshape(-1, words), teacher.reshape(-1, words), reduction="batchmean"
    )
    return loss * temperature**2


def soft_by_logarithms(student_logits, teacher_logits, temperature):
    with torch.no_grad():
        teacher = (teacher_logits / temperature).log_softmax(-1)
    student = (student_logits / temperature).log_softmax(-1)
    loss = functional.kl_div(student, teacher, reduction="sum", log_target=True)
    rows = student.numel() / student.shape[-1]
    return temperature * temperature * loss / rows


def soft_by_cross_entropy(student_logits, teacher_logits, temperature):
    teacher = teacher_logits.data.flatten(0, -2) / temperature
    student = student_logits.flatten(0, -2) / temperature
    shares = torch.softmax(teacher, 1)
    entropy = -(shares * torch.log_softmax(teacher, 1)).sum(1).mean()
    crossed = functional.cross_entropy(student, shares)
    return (crossed - entropy) * temperature**2


def soft_by_distributions(student_logits, teacher_logits, temperature):
    teacher = distributions.Categorical(logits=teacher_logits.detach() / temperature)
    student = distributions.Categorical(logits=student_logits / temperature)
    return distributions.kl_divergence(teacher, student).mean() * temperature**2


def soft_by_loop(student_logits, teacher_logits, temperature):
    words = student_logits.shape[-1]
    losses = []
    for one, other in zip(
        student_logits.reshape(-1, words),
        teacher_logits.detach().reshape(-1, words).tolist(),
        strict=True,
    ):
        most = max(other)
        powers = [math.exp((logit - most) / temperature) for logit in other]
        logs = one / temperature - torch.logsumexp(one / temperature, 0)
        loss = 0.0
        for power, log in zip(powers, logs, strict=True):
            share = power / sum(powers)
            if share > 0:
                loss = loss + share * (math.log(share) - log)
        losses.append(loss)
    return torch.stack(losses).mean() * temperature**2


def soft_by_module(student_logits, teacher_logits, temperature):
    rows = student_logits[..., 0].numel()
    kl = nn.KLDivLoss(reduction="none", log_target=True)
    student = nn.LogSoftmax(-1)(student_logits.double() / temperature)
    teacher = nn.LogSoftmax(-1)(teacher_logits.detach().double() / temperature)
    return kl(student, teacher).sum().div(rows).mul(temperature**2)


def soft_by_einsum(student_logits, teacher_logits, temperature):
    teacher = teacher_logits.clone().detach().float() / temperature
    student = student_logits.float() / temperature
    p = torch.exp(teacher - teacher.logsumexp(-1, keepdim=True))
    gap = (teacher - student) - (
        teacher.logsumexp(-1, keepdim=True) - student.logsumexp(-1, keepdim=True)
    )
    return torch.einsum("...v,...v->...", p, gap).mean()[None] * temperature**2


def layers_by_halves(teacher_layers, student_layers):
    if student_layers == 1:
        return [teacher_layers - 1]
    gaps = student_layers - 1
    return [int(i * (teacher_layers - 1) / gaps + 0.5) for i in range(student_layers)]


def layers_by_integers(teacher_layers, student_layers):
    top, gaps = teacher_layers - 1, student_layers - 1
    if not gaps:
        return (top,)
    return tuple((2 * i * top + gaps) // (2 * gaps) for i in range(gaps + 1))


def layers_by_decimal(teacher_layers, student_layers):
    if student_layers == 1:
        return [teacher_layers - 1]
    step = Fraction(teacher_layers - 1, student_layers - 1)
    places = (i * step for i in range(student_layers))
    decimals = (Decimal(one.numerator) / Decimal(one.denominator) for one in places)
    return [int(one.quantize(Decimal(1), ROUND_HALF_UP)) for one in decimals]


def layers_by_numpy(teacher_layers, student_layers):
    if student_layers < 2:
        return numpy.array([teacher_layers - 1])
    places = numpy.linspace(0, teacher_layers - 1, student_layers)
    return numpy.floor(places + 0.5).astype(int)


def layers_by_torch(teacher_layers, student_layers):
    if student_layers == 1:
        return torch.tensor([teacher_layers - 1])
    places = torch.arange(student_layers) * (teacher_layers - 1) / (student_layers - 1)
    return (places + 0.5).floor().long()


def layers_one_by_one(teacher_layers, student_layers):
    last = teacher_layers - 1
    for place in range(student_layers - 1):
        whole, left = divmod(place * last, student_layers - 1)
        yield whole + (2 * left >= student_layers - 1)
    yield last


def hidden_by_mse(student, teacher, projection):
    goal = teacher.detach()
    error = functional.mse_loss(functional.linear(student, projection), goal)
    return error / goal.pow(2).mean()


def hidden_by_sums(student, teacher, projection):
    with torch.no_grad():
        goal = teacher.clone()
        size = (goal * goal).sum()
    wide = torch.einsum("btd,wd->btw", student, projection)
    return ((wide - goal) ** 2).sum() / size


def hidden_by_norms(student, teacher, projection):
    teacher = teacher.data
    error = torch.linalg.vector_norm(student @ projection.mT - teacher)
    return (error / torch.linalg.vector_norm(teacher)) ** 2


def hidden_by_loop(student, teacher, projection):
    error, size = 0.0, 0.0
    for row, goal in zip(student, teacher.detach(), strict=True):
        for state, wanted in zip(row, goal, strict=True):
            error = error + (projection @ state - wanted).square().sum()
            size = size + float(wanted.square().sum())
    return error / size


def hidden_by_columns(student, teacher, projection):
    wide = (projection.double() @ student.double().mT).mT
    goal = teacher.detach().double()
    return torch.mean((goal - wide) ** 2) / torch.mean(goal**2)


def hidden_by_scaling(student, teacher, projection):
    scale = 1 / teacher.detach().square().mean().sqrt()
    wide = student.flatten(0, 1).mm(projection.t()) * scale
    goal = teacher.detach().flatten(0, 1) * scale
    return nn.MSELoss()(wide, goal)


def relations_by_filling(student_values, teacher_values):
    hidden = torch.ones(student_values.shape[-2], student_values.shape[-2]).triu(1) > 0

    def logs(values):
        scores = values @ values.transpose(-1, -2) / values.shape[-1] ** 0.5
        return scores.masked_fill(hidden, torch.finfo(scores.dtype).min).log_softmax(-1)

    student, teacher = logs(student_values), logs(teacher_values.detach())
    return (teacher.exp() * (teacher - student)).sum(-1).mean()


def relations_by_kl_div(student_values, teacher_values):
    tokens = student_values.shape[2]
    later = torch.full((tokens, tokens), -1e9).triu(1)

    def logs(values):
        scores = torch.einsum("bhtw,bhsw->bhts", values, values)
        return (
            (scores / math.sqrt(values.size(-1)) + later).log_softmax(-1).flatten(0, 2)
        )

    with torch.no_grad():
        teacher = logs(teacher_values)
    student = logs(student_values)
    return functional.kl_div(student, teacher, log_target=True, reduction="batchmean")


def relations_by_row(student_values, teacher_values):
    tokens, total = student_values.shape[-2], 0.0
    for token in range(tokens):
        logs = []
        for values in (student_values, teacher_values.detach()):
            earlier = values[:, :, : token + 1]
            scores = (earlier * values[:, :, token : token + 1]).sum(-1)
            logs.append((scores / math.sqrt(values.shape[-1])).log_softmax(-1))
        total = total + (logs[1].exp() * (logs[1] - logs[0])).sum(-1).mean()
    return total / tokens


def relations_by_where(student_values, teacher_values):
    seen = torch.ones(student_values.shape[2], student_values.shape[2]).tril().bool()
    student, teacher = (
        (one @ one.mT / math.sqrt(one.shape[-1]))
        .masked_fill(~seen, -math.inf)
        .log_softmax(-1)
        .masked_fill(~seen, 0.0)
        for one in (student_values, teacher_values.detach())
    )
    terms = torch.where(seen, teacher.exp() * (teacher - student), 0.0)
    return terms.sum() / terms[..., 0].numel()


def relations_by_nansum(student_values, teacher_values):
    later = torch.triu(torch.ones(2 * (student_values.shape[-2],)), diagonal=1).bool()
    scores = [
        torch.matmul(one, one.permute(0, 1, 3, 2)) / one.shape[3] ** 0.5
        for one in (student_values, teacher_values.detach())
    ]
    q, p = (functional.log_softmax(s.masked_fill(later, -torch.inf), 3) for s in scores)
    return torch.nansum(p.exp() * (p - q), dim=3).mean()


def relations_by_head(student_values, teacher_values):
    teacher_values = teacher_values.detach()
    losses = []
    for student, teacher in zip(
        student_values.double().flatten(0, 1),
        teacher_values.double().flatten(0, 1),
        strict=True,
    ):
        hidden = torch.full((len(student), len(student)), -1e30).double().triu(1)
        q = (student @ student.T / math.sqrt(student.shape[1]) + hidden).log_softmax(1)
        p = (teacher @ teacher.T / math.sqrt(teacher.shape[1]) + hidden).softmax(1)
        losses.append(torch.xlogy(p, p).sum(1) - (p * q).sum(1))
    return torch.cat(losses).mean()


def kept_by_topk(teacher_logits, k):
    probabilities, indices = teacher_logits.softmax(-1).topk(k)
    return probabilities, indices, 1 - probabilities.sum(-1)


def kept_by_sorting(teacher_logits, k):
    ordered = torch.softmax(teacher_logits, dim=1).sort(dim=1, descending=True)
    left = ordered.values[:, k:].sum(dim=1)
    return [ordered.values[:, :k], ordered.indices[:, :k], left]


def kept_by_numpy(teacher_logits, k):
    logits = teacher_logits.numpy()
    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    places = numpy.argsort(-shares, axis=1, kind="stable")[:, :k]
    best = numpy.take_along_axis(shares, places, axis=1)
    return tuple(map(torch.from_numpy, (best, places, 1 - best.sum(axis=1))))


def kept_by_loop(teacher_logits, k):
    kept, places, left = [], [], []
    for row in teacher_logits.tolist():
        powers = [math.exp(logit) for logit in row]
        order = sorted(range(len(row)), key=lambda place: row[place], reverse=True)
        kept.append([powers[place] / sum(powers) for place in order[:k]])
        places.append(order[:k])
        left.append(sum(powers[place] for place in order[k:]) / sum(powers))
    return torch.tensor(kept), torch.tensor(places), torch.tensor(left)


def kept_by_logarithms(teacher_logits, k):
    best, places = teacher_logits.topk(k, dim=-1)
    kept = torch.exp(best - teacher_logits.logsumexp(-1, keepdim=True))
    return kept, places, torch.ones(len(kept)) - torch.einsum("tk->t", kept)


def kept_by_gather(teacher_logits, k):
    every = torch.softmax(teacher_logits.double(), -1)
    places = teacher_logits.argsort(dim=-1, descending=True)[:, :k]
    kept = every.gather(1, places)
    return kept, places, every.scatter(1, places, 0.0).sum(1)


def share_by_zip(student_tokens, teacher_tokens):
    if not student_tokens or len(student_tokens) != len(teacher_tokens):
        raise ValueError("as many tokens of the student as of the teacher, at least 1")
    pairs = zip(student_tokens, teacher_tokens, strict=True)
    return sum(a == b for a, b in pairs) / len(student_tokens)


def share_by_tensors(student_tokens, teacher_tokens):
    student, teacher = torch.tensor(student_tokens), torch.tensor(teacher_tokens)
    if student.shape != teacher.shape:
        raise ValueError(f"{len(student)} tokens against {len(teacher)}")
    if student.numel() == 0:
        raise ValueError("no tokens")
    return (student == teacher).float().mean()


def share_by_numpy(student_tokens, teacher_tokens):
    if len(student_tokens) != len(teacher_tokens) or len(teacher_tokens) == 0:
        raise ValueError
    return numpy.mean(numpy.array(student_tokens) == numpy.array(teacher_tokens))


def share_by_place(student_tokens, teacher_tokens):
    count = len(teacher_tokens)
    if count == 0 or count != len(student_tokens):
        raise ValueError("the lists differ in length, or are empty")
    passed = 0
    for place in range(count):
        if student_tokens[place] == teacher_tokens[place]:
            passed += 1
    return passed / count


def share_by_fraction(student_tokens, teacher_tokens):
    same = [*map(eq, student_tokens, teacher_tokens)]
    if not len(same) == len(student_tokens) == len(teacher_tokens) or not same:
        raise ValueError("unequal")
    return Fraction(same.count(True), len(same))


RIGHT = {
    "soft_targets": [
        soft_by_kl_div,
        soft_by_logarithms,
        soft_by_cross_entropy,
        soft_by_distributions,
        soft_by_loop,
        soft_by_module,
        soft_by_einsum,
    ],
    "student_layers": [
        layers_by_halves,
        layers_by_integers,
        layers_by_decimal,
        layers_by_numpy,
        layers_by_torch,
        layers_one_by_one,
    ],
    "hidden_loss": [
        hidden_by_mse,
        hidden_by_sums,
        hidden_by_norms,
        hidden_by_loop,
        hidden_by_columns,
        hidden_by_scaling,
    ],
    "relation_loss": [
        relations_by_filling,
        relations_by_kl_div,
        relations_by_row,
        relations_by_where,
        relations_by_nansum,
        relations_by_head,
    ],
    "top_k_targets": [
        kept_by_topk,
        kept_by_sorting,
        kept_by_numpy,
        kept_by_loop,
        kept_by_logarithms,
        kept_by_gather,
    ],
    "pass_rate": [
        share_by_zip,
        share_by_tensors,
        share_by_numpy,
        share_by_place,
        share_by_fraction,
    ],
}
