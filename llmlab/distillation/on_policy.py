"""On-policy: the student writes, the teacher grades what it wrote.

A student that learns from others' texts never sees its own slips, and after one it is
where it has not been taught (exposure bias). So it writes a part of the texts itself,
and the teacher says of every token there what would have come next. Graded by the
reverse divergence, the student is charged for what it makes up, and settles on some of
the teacher's answers; its texts become better and less varied. Writing costs a decode
step per token, so such a step of the training takes several times as long.

Shapes: B texts, T tokens, P tokens of the prompt.
Source: Agarwal et al., ICLR 2024 (GKD).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.distillation import losses, pairing
from llmlab.distillation.sequences import prompts_of, written_on
from llmlab.models import training, tuning
from llmlab.models.sampling import Sampling


def rollout(
    student: LanguageModel,
    prompts: Tensor,
    *,
    tokens: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return prompts (B, P) with what the student writes on, (B, P + tokens).

    temperature: 1 draws from the student's own distribution, 0 takes the best token.
    No gradient leads through what it wrote. Raises ValueError for prompts of different
    lengths, and as `models.generation.stream_batch`.
    """
    sampling = Sampling(temperature=temperature, generator=generator)
    with torch.autocast(prompts_of(prompts).device.type, enabled=False):
        return written_on(student, prompts_of(prompts), tokens, sampling)


def train(
    student: Any,
    teacher: Any,
    batch: Callable[[int], Tensor],
    *,
    steps: int,
    prompt: int = 32,
    share: float = 0.5,
    beta: float = 1.0,
    temperature: float = 1.0,
    rate: float = 1e-3,
    schedule: Callable[[int], float] | None = None,
    optimizers: Callable | None = None,
    autocast: training.Autocast = "fastest",
    folder: Path | str | None = None,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    evaluate_every: int = 200,
    stop_after: int | None = None,
    seed: int = 0,
) -> training.Trained:
    """Train a copy of a student on texts that it writes itself, graded by a teacher.

    batch: texts (B, T + 1) of a step, such as `models.streams.library` gives; the
    first `prompt` tokens of a text stay. share: of the steps in which the student
    writes the rest; in the others it is the text's own, so that 0 is plain
    distillation. Either way only the rest counts. beta: of `losses.jensen_shannon`, 1
    for the reverse divergence, 0 for the forward one. temperature: of the student's
    draws. seed: of draws and dropout; a training that goes on draws as it would have.
    The other arguments are those of `models.tuning.tune`. Raises ValueError for models
    that do not share a vocabulary, a share outside 0 to 1, a prompt that leaves nothing
    to write, and as `models.training.train`.
    """
    pairing.check_student(student)
    pairing.check(student, wanted.causal("teacher", teacher))
    wanted.causal("student", student)
    _check(share, prompt)
    arguments.function("batch", batch, way="hand in models.streams.library(…)")
    work = _Writing(
        pairing.frozen(teacher), batch, prompt, share, beta, temperature, seed
    )
    return tuning.tune(
        student,
        work.batch,
        steps=steps,
        rate=rate,
        schedule=schedule,
        loss=work.loss,
        optimizers=optimizers,
        autocast=autocast,
        folder=folder,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
        stop_after=stop_after,
        seed=seed,
    )


class _Writing:
    """The batch and the loss of each step; which step it is, the batch says."""

    def __init__(
        self,
        teacher: nn.Module,
        texts: Callable[[int], Tensor],
        prompt: int,
        share: float,
        beta: float,
        temperature: float,
        seed: int,
    ):
        self.teacher, self.texts, self.prompt = teacher, texts, prompt
        self.share, self.beta, self.temperature = share, beta, temperature
        self.seed, self.step = seed, 0

    def batch(self, step: int) -> Tensor:
        """Return the texts of a step, and remember which one it is."""
        self.step, texts = step, self.texts(step)
        if texts.shape[1] - 1 <= self.prompt:
            raise ValueError(
                f"prompt={self.prompt} leaves nothing to write of texts of "
                f"{texts.shape[1] - 1} tokens; choose fewer, or longer texts."
            )
        return texts

    def loss(self, student: nn.Module, texts: Tensor) -> Tensor:
        """Return the divergence over all that comes after the prompts, ()."""
        draws = torch.Generator(texts.device).manual_seed(
            self.seed * 1_000_003 + self.step
        )
        if torch.rand((), generator=draws, device=texts.device) < self.share:
            room = texts.shape[1] - self.prompt
            writer: Any = student
            texts = rollout(
                writer, texts[:, : self.prompt], tokens=room,
                temperature=self.temperature, generator=draws,
            )  # fmt: skip
        read = texts[:, :-1]
        with torch.no_grad():
            graded = self.teacher(read)[:, self.prompt - 1 :]  # (B, T - P + 1, V)
        said = student(read)[:, self.prompt - 1 :]
        return losses.jensen_shannon(said, graded, beta=self.beta)


def _check(share: float, prompt: int) -> None:
    if not arguments.is_number(share) or not 0 <= share <= 1:
        raise ValueError(
            f"share={shown(share)} of the steps must be from 0 (the student never "
            "writes) to 1 (always)."
        )
    arguments.whole("prompt", prompt, least=1, way="the student writes on from it")
