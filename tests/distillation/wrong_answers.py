"""Wrong answers to the exercises of lab 06: answer, word of the message."""

import math

import numpy
import torch
from distillation import right_answers as right
from torch.nn import functional


def soft(*, first="student", axis=-1, factor=2, reduction="rows", heat=(1, 1)):
    def answer(student_logits, teacher_logits, temperature):
        teacher_logits = teacher_logits.detach()
        by = [temperature if one else 1 for one in heat]
        q = functional.log_softmax(student_logits / by[0], axis)
        p = functional.log_softmax(teacher_logits / by[1], axis)
        one, other = (q, p) if first == "student" else (p, q)
        terms = functional.kl_div(one, other, reduction="none", log_target=True)
        if reduction == "rows":
            return terms.sum(-1).mean() * temperature**factor
        if reduction == "batchmean":
            return terms.sum() / terms.size(0) * temperature**factor
        return getattr(terms, reduction)() * temperature**factor

    return answer


def probabilities_first(student_logits, teacher_logits, temperature):
    student = (student_logits / temperature).softmax(-1)
    teacher = (teacher_logits.detach() / temperature).softmax(-1)
    terms = functional.kl_div(student, teacher, reduction="none")
    return terms.sum(-1).mean() * temperature**2


def arguments_as_they_come(student_logits, teacher_logits, temperature):
    student = (student_logits / temperature).log_softmax(-1)
    teacher = (teacher_logits.detach() / temperature).softmax(-1)
    terms = functional.kl_div(teacher, student, reduction="none")
    return terms.sum(-1).mean() * temperature**2


def logarithms_twice(student_logits, teacher_logits, temperature):
    student = (student_logits / temperature).log_softmax(-1)
    teacher = (teacher_logits.detach() / temperature).log_softmax(-1)
    terms = functional.kl_div(student, teacher, reduction="none")
    return terms.sum(-1).mean() * temperature**2


def nobody_detached(student_logits, teacher_logits, temperature):
    teacher = (teacher_logits / temperature).log_softmax(-1)
    student = (student_logits / temperature).log_softmax(-1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(-1).mean()


def nobody_learns(student_logits, teacher_logits, temperature):
    with torch.no_grad():
        return right.soft_by_kl_div(student_logits, teacher_logits, temperature)


def a_float(student_logits, teacher_logits, temperature):
    return right.soft_by_kl_div(student_logits, teacher_logits, temperature).item()


def made_anew(student_logits, teacher_logits, temperature):
    loss = right.soft_by_loop(student_logits, teacher_logits, temperature)
    return torch.tensor(loss.item(), requires_grad=True)


def backward_inside(student_logits, teacher_logits, temperature):
    loss = right.soft_by_kl_div(student_logits, teacher_logits, temperature)
    loss.backward()
    return loss


def swapped_and_attached(student_logits, teacher_logits, temperature):
    student = (student_logits / temperature).softmax(-1)
    teacher = (teacher_logits / temperature).softmax(-1)
    return temperature**2 * (student * (student / teacher).log()).sum(-1).mean()


def swapped_with_logarithms(student_logits, teacher_logits, temperature):
    student = (student_logits / temperature).log_softmax(-1)
    teacher = (teacher_logits / temperature).log_softmax(-1)
    return temperature**2 * (student.exp() * (student - teacher)).sum(-1).mean()


def logarithm_of_softmax(student_logits, teacher_logits, temperature):
    p = (teacher_logits.detach() / temperature).softmax(-1)
    q = (student_logits / temperature).softmax(-1)
    return temperature**2 * (p * (p.log() - q.log())).sum(-1).mean()


def teacher_for_both(student_logits, teacher_logits, temperature):
    q = functional.log_softmax(teacher_logits / temperature, -1)
    p = functional.softmax(teacher_logits / temperature, -1)
    return functional.kl_div(q, p, reduction="batchmean") * temperature**2


def softened_in_place(student_logits, teacher_logits, temperature):
    student_logits /= temperature
    return right.soft_by_kl_div(student_logits, teacher_logits, 1)


def teacher_in_place(student_logits, teacher_logits, temperature):
    teacher = teacher_logits.detach()
    teacher /= temperature
    return right.soft_by_kl_div(student_logits, teacher * temperature, temperature)


def label(student_logits, teacher_logits, temperature):
    words = student_logits.shape[-1]
    best = teacher_logits.argmax(-1).view(-1)
    return functional.cross_entropy(student_logits.view(-1, words), best)


def crossed(student_logits, teacher_logits, temperature):
    p = (teacher_logits.detach() / temperature).softmax(-1)
    q = (student_logits / temperature).log_softmax(-1)
    return -(p * q).sum(-1).mean() * temperature**2


def by_round(teacher_layers, student_layers):
    step = (teacher_layers - 1) / (student_layers - 1)
    return [round(i * step) for i in range(student_layers)]


def by_round_with_one(teacher_layers, student_layers):
    if student_layers == 1:
        return [teacher_layers - 1]
    return by_round(teacher_layers, student_layers)


def by_linspace(teacher_layers, student_layers):
    return torch.linspace(0, teacher_layers - 1, student_layers).long().tolist()


def by_numpy_round(teacher_layers, student_layers):
    return numpy.linspace(0, teacher_layers - 1, student_layers).round().astype(int)


def halves_up_only(teacher_layers, student_layers):
    step = (teacher_layers - 1) / (student_layers - 1)
    return [math.floor(i * step + 0.5) for i in range(student_layers)]


def as_floats(teacher_layers, student_layers):
    return [
        float(one) for one in right.layers_by_halves(teacher_layers, student_layers)
    ]


def every_other(teacher_layers, student_layers):
    return list(range(0, teacher_layers, teacher_layers // student_layers))


def hidden(*, wide=None, over=None, error=None, detach=True):
    def answer(student, teacher, projection):
        goal = teacher.detach() if detach else teacher
        apart = (wide or functional.linear)(student, projection) - goal
        loss = error(apart) if error else apart.pow(2).mean()
        return loss / (over(goal, student) if over else goal.pow(2).mean())

    return answer


def teacher_below(student, teacher, projection):
    goal = teacher.detach()
    error = functional.mse_loss(student @ projection.T, goal)
    return error / teacher.square().mean()


def projected_teacher(student, teacher, projection):
    return functional.mse_loss(student, teacher.detach() @ projection) / (
        student.detach().square().mean()
    )


def a_token_at_a_time(student, teacher, projection):
    goal = teacher.detach()
    error = (student @ projection.T - goal).square().sum(-1) / goal.square().sum(-1)
    return error.mean()


def frozen_projection(student, teacher, projection):
    return right.hidden_by_mse(student, teacher, projection.detach())


def frozen_student(student, teacher, projection):
    return right.hidden_by_mse(student.detach(), teacher, projection)


def related(
    *, scale=None, hide=1, fill=-1e9, kl=None, mean=None, act=None, detach=True
):
    def answer(student_values, teacher_values):
        teacher_values = teacher_values.detach() if detach else teacher_values
        pair = student_values, teacher_values
        logs = []
        for mine, other in (pair, pair[::-1]):
            size = scale(mine, other) if scale else mine.shape[-1]
            scores = mine @ mine.mT / math.sqrt(size)
            if hide is not None:
                later = torch.ones(scores.shape[-2:]).triu(hide).bool()
                scores = scores.masked_fill(later, fill)
            logs.append(act(scores) if act else scores.log_softmax(-1))
        q, p = logs
        terms = kl(p, q) if kl else p.exp() * (p - q)
        return mean(terms) if mean else terms.sum(-1).mean()

    return answer


def of_columns(student_values, teacher_values):
    q, p = (
        (one.mT @ one / one.shape[-1] ** 0.5).log_softmax(-1)
        for one in (student_values, teacher_values.detach())
    )
    return (p.exp() * (p - q)).sum(-1).mean()


def hidden_afterwards(student_values, teacher_values):
    q, p = (
        (one @ one.mT / one.shape[-1] ** 0.5).softmax(-1).tril()
        for one in (student_values, teacher_values.detach())
    )
    return functional.kl_div((q + 1e-30).log(), p, reduction="none").sum(-1).mean()


def relation_without_learner(student_values, teacher_values):
    return right.relations_by_filling(student_values.detach(), teacher_values)


def softmax_late(teacher_logits, k):
    best, places = teacher_logits.topk(k)
    shares = best.softmax(-1)
    return shares, places, 1 - shares.sum(-1)


def renormalised(teacher_logits, k):
    kept, places, left = right.kept_by_topk(teacher_logits, k)
    return kept / kept.sum(-1, keepdim=True), places, left


def smallest(teacher_logits, k):
    kept, places = teacher_logits.softmax(-1).topk(k, largest=False)
    return kept, places, 1 - kept.sum(-1)


def ascending(teacher_logits, k):
    ordered = teacher_logits.softmax(-1).sort(-1)
    kept, places = ordered.values[:, -k:], ordered.indices[:, -k:]
    return kept, places, 1 - kept.sum(-1)


def over_tokens(teacher_logits, k):
    kept, places = teacher_logits.softmax(0).topk(k)
    return kept, places, 1 - kept.sum(-1)


def at_least_the_last(teacher_logits, k):
    shares = teacher_logits.softmax(-1)
    least = shares.sort(-1, descending=True).values[:, k - 1 : k]
    kept = torch.where(shares >= least, shares, 0.0)
    most = int((kept > 0).sum(-1).max())
    best, places = kept.topk(most)
    return best, places, 1 - best.sum(-1)


def as_whole_numbers(teacher_logits, k):
    kept, places, left = right.kept_by_topk(teacher_logits, k)
    return kept, places.int(), left


def changed(index, change):
    def answer(teacher_logits, k):
        given = [*right.kept_by_topk(teacher_logits, k)]
        given[index] = change(given[index])
        return tuple(given)

    return answer


def truncated(student_tokens, teacher_tokens):
    pairs = zip(student_tokens, teacher_tokens, strict=False)
    return sum(a == b for a, b in pairs) / len(student_tokens)


def strict_alone(student_tokens, teacher_tokens):
    pairs = zip(student_tokens, teacher_tokens, strict=True)
    return sum(a == b for a, b in pairs) / len(student_tokens)


def nothing_is_nothing(student_tokens, teacher_tokens):
    pairs = [*zip(student_tokens, teacher_tokens, strict=True)]
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else 0.0


def asserted(student_tokens, teacher_tokens):
    assert len(student_tokens) == len(teacher_tokens) > 0
    return strict_alone(student_tokens, teacher_tokens)


def prefix(student_tokens, teacher_tokens):
    if len(student_tokens) != len(teacher_tokens) or not student_tokens:
        raise ValueError("refused")
    count = 0
    while (
        count < len(student_tokens) and student_tokens[count] == teacher_tokens[count]
    ):
        count += 1
    return count / len(student_tokens)


def by_set(student_tokens, teacher_tokens):
    common = set(student_tokens) & set(teacher_tokens)
    return len(common) / len(student_tokens)


def by_identity(student_tokens, teacher_tokens):
    if len(student_tokens) != len(teacher_tokens) or not student_tokens:
        raise ValueError("refused")
    pairs = zip(student_tokens, teacher_tokens, strict=True)
    return sum(a is b for a, b in pairs) / len(student_tokens)


def returned(student_tokens, teacher_tokens):
    if len(student_tokens) != len(teacher_tokens) or not student_tokens:
        return ValueError("refused")
    return strict_alone(student_tokens, teacher_tokens)


def teacher_scaled_in_place(student, teacher, projection):
    teacher.detach().sub_(teacher.mean().detach())
    return right.hidden_by_mse(student, teacher, projection)


def values_scaled_in_place(student_values, teacher_values):
    loss = right.relations_by_row(student_values, teacher_values.clone())
    teacher_values.detach().div_(teacher_values.shape[-1] ** 0.5)
    return loss


def logits_softened_in_place(teacher_logits, k):
    teacher_logits -= teacher_logits.max()
    return right.kept_by_topk(teacher_logits, k)


def tokens_taken(student_tokens, teacher_tokens):
    if len(student_tokens) != len(teacher_tokens) or not student_tokens:
        raise ValueError("refused")
    count, passed = len(student_tokens), 0
    while student_tokens:
        passed += student_tokens.pop() == teacher_tokens[len(student_tokens)]
    return passed / count


WRONG = {
    "soft_targets": {
        "swapped": (soft(first="teacher"), "swapped"),
        "swapped and attached": (swapped_with_logarithms, "swapped"),
        "arguments of kl_div": (arguments_as_they_come, "logarithms first"),
        "no T squared": (soft(factor=0), "T² is missing"),
        "T": (soft(factor=1), "not T"),
        "probabilities": (probabilities_first, "log_softmax for the student"),
        "logarithms": (logarithms_twice, "log_target=True"),
        "default mean": (soft(reduction="mean"), "as kl_div does by default"),
        "sum": (soft(reduction="sum"), "sum over rows"),
        "batchmean": (soft(reduction="batchmean"), "B alone"),
        "teacher for both": (teacher_for_both, "same one"),
        "over tokens": (soft(axis=-2, heat=(1, 1)), "not over the tokens"),
        "over the first axis": (soft(axis=0), "first one"),
        "student without heat": (soft(heat=(0, 1)), "the student's logits go without"),
        "teacher without heat": (soft(heat=(1, 0)), "the teacher's logits go without"),
        "without heat": (soft(heat=(0, 0)), "no logits are divided"),
        "attached": (nobody_detached, "leaves the teacher alone"),
        "no gradient": (nobody_learns, "teaches the student"),
        "a float": (a_float, ".item()"),
        "made anew": (made_anew, "learns nothing"),
        "backward inside": (backward_inside, "no .backward()"),
        "log of softmax": (logarithm_of_softmax, "log_softmax(logits"),
        "in place": (softened_in_place, "makes a new tensor"),
        "label": (label, "best token alone"),
        "cross entropy": (crossed, "cross entropy"),
    },
    "student_layers": {
        "first": (lambda n, m: list(range(m)), "first n layers"),
        "last": (lambda n, m: list(range(n - m, n)), "last n layers"),
        "last missing": (lambda n, m: [i * (n // m) for i in range(m)], "is missing"),
        "every other": (every_other, "more than n"),
        "down": (by_linspace, "rounds down"),
        "round": (by_round, "even neighbour"),
        "round but for one": (by_round_with_one, "even neighbour"),
        "numpy.round": (by_numpy_round, "even neighbour"),
        "one layer": (halves_up_only, "a student of one layer"),
        "from 1": (
            lambda *a: [one + 1 for one in right.layers_by_halves(*a)],
            "from 0",
        ),
        "floats": (as_floats, "whole number"),
        "too few": (lambda *a: right.layers_by_halves(*a)[1:], "i * (L - 1)"),
    },
    "hidden_loss": {
        "transposed": (hidden(wide=lambda s, p: s @ p), "(D, d)"),
        "projected teacher": (projected_teacher, "not the teacher to"),
        "not divided": (hidden(over=lambda t, s: 1), "grows with the"),
        "sum": (
            hidden(error=lambda x: x.pow(2).sum(), over=lambda t, s: 1),
            "this is a sum",
        ),
        "by the student": (
            hidden(over=lambda t, s: s.pow(2).mean()),
            "this is the student's",
        ),
        "by variance": (hidden(over=lambda t, s: t.var()), "variance"),
        "attached": (hidden(detach=False), "does not learn"),
        "attached below": (teacher_below, "does not learn"),
        "norms": (
            hidden(
                error=lambda x: x.norm(dim=-1).mean(),
                over=lambda t, s: t.norm(dim=-1).mean(),
            ),
            "mean of norms",
        ),
        "token by token": (a_token_at_a_time, "mean of quotients"),
        "a float": (lambda *a: right.hidden_by_mse(*a).item(), ".item()"),
        "frozen projection": (frozen_projection, "it is no constant"),
        "frozen student": (frozen_student, "the student does not"),
        "root": (lambda *a: right.hidden_by_mse(*a).sqrt(), "root"),
        "per token": (hidden(error=lambda x: x.pow(2).mean(-1)), "one number"),
        "sizes": (hidden(error=lambda x: x.abs().mean()), "sizes"),
    },
    "relation_loss": {
        "teacher's width": (
            related(scale=lambda mine, other: other.shape[-1]),
            "the other's",
        ),
        "no scale": (related(scale=lambda mine, other: 1), "here they are not"),
        "no softmax": (
            related(act=lambda x: x, kl=lambda p, q: (p - q).pow(2), hide=None),
            "without a softmax",
        ),
        "columns": (of_columns, "columns"),
        "swapped": (related(kl=lambda p, q: q.exp() * (q - p)), "swapped"),
        "not hidden": (related(hide=None), "are not hidden"),
        "itself hidden": (related(hide=0), "relates to itself"),
        "hidden afterwards": (hidden_afterwards, "before the softmax"),
        "infinite": (related(fill=-math.inf), "-1e9 instead of -inf"),
        "zeros": (related(fill=0), "a score like any other"),
        "attached": (related(detach=False), "does not learn"),
        "detached student": (relation_without_learner, "learns nothing"),
        "mean": (related(mean=torch.mean), "T once too often"),
        "sum": (related(mean=torch.sum), "sum over rows"),
        "batchmean": (related(mean=lambda x: x.sum() / len(x)), "B alone"),
        "per row": (related(mean=lambda x: x.sum(-1)), "one loss for a row"),
        "a float": (lambda *a: right.relations_by_row(*a).item(), ".item()"),
        "NumPy": (lambda *a: right.relations_by_row(*a).detach().numpy(), "NumPy"),
    },
    "top_k_targets": {
        "softmax late": (softmax_late, "whole vocabulary"),
        "renormalised": (renormalised, "whole vocabulary"),
        "logits": (
            lambda x, k: (x.topk(k)[0], *right.kept_by_topk(x, k)[1:]),
            "these are logits",
        ),
        "logarithms": (changed(0, torch.log), "log_softmax"),
        "smallest": (smallest, "k smallest"),
        "ascending": (ascending, "largest first"),
        "over tokens": (over_tokens, "dim=-1"),
        "share kept": (changed(2, lambda left: 1 - left), "the kept share"),
        "an axis": (changed(2, lambda left: left[:, None]), "no axis is kept"),
        "a number": (changed(2, torch.mean), "one number for a token"),
        "int32": (as_whole_numbers, "int64"),
        "ties": (at_least_the_last, "no more"),
        "two values": (lambda *a: right.kept_by_topk(*a)[:2], "in this order"),
        "lists": (
            lambda *a: [one.tolist() for one in right.kept_by_topk(*a)],
            "return a tensor",
        ),
    },
    "pass_rate": {
        "truncated": (truncated, "unequal lengths"),
        "none": (strict_alone, "without any token"),
        "none is nothing": (nothing_is_nothing, "without any token"),
        "asserted": (asserted, "raise ValueError"),
        "prefix": (prefix, "the later ones count"),
        "set": (by_set, "places count"),
        "identity": (by_identity, "=="),
        "returned": (returned, "ValueError"),
        "per cent": (lambda *a: 100 * right.share_by_place(*a), "per cent"),
        "different": (lambda *a: 1 - right.share_by_place(*a), "differs"),
        "count": (
            lambda *a: right.share_by_place(*a) * len(a[0]),
            "how many",
        ),
    },
}

CHANGING = [  # exercise, parameter, answer
    ("soft_targets", "teacher_logits", teacher_in_place),
    ("hidden_loss", "teacher", teacher_scaled_in_place),
    ("relation_loss", "teacher_values", values_scaled_in_place),
    ("top_k_targets", "teacher_logits", logits_softened_in_place),
    ("pass_rate", "student_tokens", tokens_taken),
]
