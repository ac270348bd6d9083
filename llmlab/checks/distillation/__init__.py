"""Checks for labs/06_distillation.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn. A loss is compared by
its value and by its gradients (`gradients`): what it is worth is what it teaches.
"""

from llmlab.checks import rooms

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "soft_targets",
            "student_layers",
            "hidden_loss",
            "relation_loss",
            "top_k_targets",
            "pass_rate",
        ],
    )
)
