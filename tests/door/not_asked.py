"""Public functions that the tables of the public door leave out, and why.

By name, or by the room that holds them. What is asked in spite of its room stands in a
table.
"""

PLUMBING = "under the street: what others call it with, they have looked at"
AUTHORS = "for authors of labs and drawings, whose slips a test of theirs shows at once"
TENSORS = "takes tensors; a wrong shape is torch's sentence, which labs never hide"
CHECKED = "called with the facts of a picture, which `show.figure` has looked at"
HANDED_ON = (
    "takes what a cell of its lab has made; the room's tests ask what it refuses"
)
RECORDS = "takes the records that measuring gave; the room's tests ask what it refuses"
REASONS = {
    "llmlab.core": PLUMBING,
    "llmlab.texts": PLUMBING,
    "llmlab.kernels": PLUMBING,
    "llmlab.command": "takes words of a command line, which tests/command asks",
    "llmlab.checks": "answers of learners are asked by tests/checks/test_hostile.py",
    "llmlab.grading": "takes folders of a class, which tests/grading asks",
    "llmlab.new_lab": AUTHORS,
    "llmlab.zoo": "recipes, called by a command whose words are asked by tests/zoo",
    "llmlab.caching": "tests/caching asks its caches, pools, trees and stores",
    "llmlab.distillation": "tests/distillation asks losses, students and trainings",
    "llmlab.batching": "tests/batching asks its requests, schedulers and engines",
    "llmlab.hardware": "tests/hardware asks tiles, arrays, logs, meters and formats",
    "llmlab.graphs": "tests/graphs asks what a native step takes and refuses",
    "llmlab.peers": "takes files and programs of others, which tests/peers asks",
    "llmlab.pruning.dependency.given_up_after": PLUMBING,
    "llmlab.pruning.experiments": HANDED_ON,
    "llmlab.pruning.llama": PLUMBING,
    "llmlab.pruning.masks.checked_mask": PLUMBING,
    "llmlab.pruning.masks.checked_score": PLUMBING,
    "llmlab.pruning.masks.checked_sparsity": PLUMBING,
    "llmlab.pruning.neurons": "tests/pruning/test_structured.py asks what others cut",
    "llmlab.pruning.parts": PLUMBING,
    "llmlab.pruning.resized": PLUMBING,
    "llmlab.pruning.sensitivity.choose": "is models.sensitivity.choose, which is asked",
    "llmlab.pruning.targets": PLUMBING,
    "llmlab.attention_vs_rnn.attention": TENSORS,
    "llmlab.attention_vs_rnn.cells": TENSORS,
    "llmlab.attention_vs_rnn.crossings": RECORDS,
    "llmlab.attention_vs_rnn.experiments": HANDED_ON,
    "llmlab.attention_vs_rnn.importance": HANDED_ON,
    "llmlab.attention_vs_rnn.latency": HANDED_ON,
    "llmlab.attention_vs_rnn.maps": TENSORS,
    "llmlab.attention_vs_rnn.memory": HANDED_ON,
    "llmlab.attention_vs_rnn.positions": HANDED_ON,
    "llmlab.attention_vs_rnn.recall": HANDED_ON,
    "llmlab.attention_vs_rnn.scan": TENSORS,
    "llmlab.attention_vs_rnn.slopes": RECORDS,
    "llmlab.journal.hints.rows": "takes nothing",
    "llmlab.journal.predictions.rows": "takes nothing",
    "llmlab.journal.predictions.skip": "takes nothing but a lab, as journal.open does",
    "llmlab.measure.bootstrap": PLUMBING,
    "llmlab.measure.labels": PLUMBING,
    "llmlab.measure.intervals.bootstrap": PLUMBING,
    "llmlab.measure.intervals.student": PLUMBING,
    "llmlab.measure.operators.check_call": PLUMBING,
    "llmlab.measure.operators.count_operators": HANDED_ON,
    "llmlab.measure.operators.counting": PLUMBING,
    "llmlab.measure.peaks.discard": PLUMBING,
    "llmlab.measure.phases": "tests/measure/test_phases.py asks what it refuses",
    "llmlab.measure.experiments.grids": "times whole models for many seconds a call",
    "llmlab.measure.experiments.pairs": "times whole models for many seconds a call",
    "llmlab.measure.exams": "tests/measure/test_exams.py asks what it refuses",
    "llmlab.measure.requests": "tests/batching/test_theory.py asks what it refuses",
    "llmlab.models.sampling.draw": TENSORS,
    "llmlab.models.caches": PLUMBING,
    "llmlab.models.calibration": PLUMBING,
    "llmlab.models.chat_template": PLUMBING,
    "llmlab.models.classification": TENSORS,
    "llmlab.models.column_loop": TENSORS,
    "llmlab.models.experts.put_apart": PLUMBING,
    "llmlab.models.experts.together": PLUMBING,
    "llmlab.models.files": PLUMBING,
    "llmlab.models.gguf_llama": "reads files: tests/models/test_gguf.py asks it",
    "llmlab.models.gguf_tokenizer": "reads files: tests/models/test_gguf.py asks it",
    "llmlab.models.layers": TENSORS,
    "llmlab.models.listening": PLUMBING,
    "llmlab.models.pairs": PLUMBING,
    "llmlab.models.pieces": PLUMBING,
    "llmlab.models.precision": PLUMBING,
    "llmlab.models.smollm": "takes files of one package: tests/smollm2 asks them",
    "llmlab.models.snippets": PLUMBING,
    "llmlab.models.streams": PLUMBING,
    "llmlab.models.surgery": PLUMBING,
    "llmlab.models.training_arguments": PLUMBING,
    "llmlab.models.translation": TENSORS,
    "llmlab.quantization": TENSORS,
    "llmlab.show.batching": CHECKED,
    "llmlab.show.caching": CHECKED,
    "llmlab.show.distillation": CHECKED,
    "llmlab.show.hardware": CHECKED,
    "llmlab.show.graphs": CHECKED,
    "llmlab.show.graphs.drawings": "takes nothing",
    "llmlab.show.distillation.drawings": "takes nothing",
    "llmlab.show.draw": AUTHORS,
    "llmlab.show.style": AUTHORS,
    "llmlab.show.attention_vs_rnn.drawings": "takes nothing",
    "llmlab.show.measure.drawings": "takes nothing",
    "llmlab.show.pruning.drawings": "takes nothing",
    "llmlab.show.quantization.drawings": "takes nothing",
    "llmlab.show.quantization.drawings_choices": "takes nothing",
    "llmlab.show.pruning": CHECKED,
    "llmlab.show.quantization": CHECKED,
}


def reason(name: str) -> str | None:
    """Return why a function is not asked: by its name, or by that of its room."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if (why := REASONS.get(".".join(parts[:end]))) is not None:
            return why
    return None
