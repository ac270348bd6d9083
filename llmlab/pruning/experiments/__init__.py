"""Experiments: one line measures, and what comes back has `records()`.

dense            the model as it is, which pruned ones are compared with
by_sparsity      quality by sparsity, in each layer or over the whole model
ways             half of the weights, by method, anywhere or two of every four
zeros_race       a model full of zeros against the dense one: time and file
sparse_products  from which sparsity on a sparse product pays
neurons          a quarter of the neurons, by who chooses them
layers           the influence of each layer, and the loss without it
shapes_race      pruned models against the dense one: time and quality
healing          what training gives back
translated       the tutorials' translator, pruned, and its answers
recorded         what takes longer: the translator by sparsity
masks            which weights of a layer stay, for the widget
claims           sentences of tutorials, and whether they hold here

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.pruning.experiments.cuts import Neurons, neurons
from llmlab.pruning.experiments.methods import Ways, ways
from llmlab.pruning.experiments.products import SparseProducts, sparse_products
from llmlab.pruning.experiments.recordings import Recorded, recorded
from llmlab.pruning.experiments.retraining import Healing, healing
from llmlab.pruning.experiments.scoring import Dense, dense
from llmlab.pruning.experiments.sentences import claims
from llmlab.pruning.experiments.shapes import ShapesRace, shapes_race
from llmlab.pruning.experiments.shares import BySparsity, by_sparsity
from llmlab.pruning.experiments.stacks import Layers, layers
from llmlab.pruning.experiments.translators import translated
from llmlab.pruning.experiments.widget import Masks, masks
from llmlab.pruning.experiments.zeros import ZerosRace, zeros_race

__all__ = ["BySparsity", "Dense", "Healing", "Layers", "Masks", "Neurons"]
__all__ += ["Recorded", "ShapesRace", "SparseProducts", "Ways", "ZerosRace"]
__all__ += ["by_sparsity", "claims", "dense", "healing", "layers", "masks"]
__all__ += ["neurons", "recorded", "shapes_race", "sparse_products"]
__all__ += ["translated", "ways", "zeros_race"]

__getattr__, __dir__ = faces.of(__name__, __all__)
