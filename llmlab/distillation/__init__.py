"""Lab 6. Distillation: can a small model learn what the big one knows?

train           a student by its teacher's probabilities, labels and hidden states
keep_logits     a teacher that runs once, for several students: KeptLogits
soft_targets    the loss between both; reverse, jensen_shannon, top_k: losses
student_layers  which layers a student takes from its teacher
from_layers     a student of these layers; from_pruned: cut further; random: students

losses          comparing distributions; what a teacher keeps of one
hidden          hidden states through a learnt projection, layer by layer
attention       who attends to whom: relations between tokens, scores of attention
students        where a student comes from
training, kept  the loop, and the logits that it may read
asking          what a model of each family is asked in a step
pairing         which teacher fits which student, in one sentence
sequences       whole texts that the teacher writes, to be learnt from
on_policy       the student writes, the teacher grades; samples: how varied it writes
recipes         DistilBERT, TinyBERT, MiniLM and Minitron, put together from the above
quantities      name and unit of the facts of this lab

Every function returns a new model and leaves student and teacher as they were;
`models.save` and `models.load` keep what was trained.
"""

from llmlab.core import faces
from llmlab.distillation import attention, hidden, losses, quantities, students
from llmlab.distillation.hidden import Matched
from llmlab.distillation.kept import KeptLogits, keep_logits
from llmlab.distillation.losses import jensen_shannon, reverse, soft_targets, top_k
from llmlab.distillation.students import from_layers, from_pruned, student_layers
from llmlab.distillation.training import Match, train

__all__ = [
    "KeptLogits",
    "Match",
    "Matched",
    "asking",
    "attention",
    "from_layers",
    "from_pruned",
    "hidden",
    "jensen_shannon",
    "keep_logits",
    "kept",
    "losses",
    "on_policy",
    "pairing",
    "quantities",
    "recipes",
    "reverse",
    "samples",
    "sequences",
    "soft_targets",
    "student_layers",
    "students",
    "top_k",
    "train",
    "training",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
