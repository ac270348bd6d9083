"""Lab 5. Pruning: which weights can go?

prune           the smallest weights of a layer, a row or the whole model, or 2:4
wanda           weights by their size and that of their inputs
sparsegpt       weights by what the answers lose, and the rest makes up for them
neurons         whole neurons of the MLPs; groups: key/value heads with their queries
depth, width    whole layers, by how they turn the stream; channels of the stream
dependency      whatever hangs together in any module, by torch-pruning's graph
finetune        train what stayed; zeros stay zeros
schedule        prune a little, fine-tune a little
pack, unpack    a file of bits and kept weights, for the one save
sensitivity     which layers bear more zeros

masks           which weights stay, with exact counts; how sparse a model is
targets         which layers, and how far: what the methods share
parts, llama    where MLPs and heads are; resized: the smaller model
quantities      name and unit of the facts of this lab
experiments     what the lab measures, one call each

Every method returns a new model and leaves the old one as it was; `models.save` and
`models.load` keep it. Zeros alone make a model neither smaller nor faster: `pack` makes
the file smaller, and what leaves out whole neurons, heads or layers is faster, too.
"""

from llmlab.core import faces
from llmlab.pruning import (
    dependency,
    depth,
    groups,
    masks,
    neurons,
    quantities,
    schedule,
    sensitivity,
    sparsegpt,
    targets,
    wanda,
    width,
)
from llmlab.pruning.files import pack, unpack
from llmlab.pruning.finetuning import finetune
from llmlab.pruning.schedule import iterative
from llmlab.pruning.unstructured import prune

__all__ = [
    "dependency",
    "depth",
    "experiments",
    "files",
    "finetune",
    "finetuning",
    "groups",
    "iterative",
    "llama",
    "masks",
    "neurons",
    "pack",
    "parts",
    "prune",
    "quantities",
    "resized",
    "schedule",
    "sensitivity",
    "sparsegpt",
    "targets",
    "unpack",
    "unstructured",
    "wanda",
    "width",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
