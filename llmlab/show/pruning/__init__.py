"""Pictures of lab 5: masks, what pruning costs, and what it gains.

by_sparsity   what is lost, by sparsity and by what is compared with what
ways          half of the weights, by method, anywhere or two of every four
rows          what each of some ways to prune costs
influences    the influence of each layer beside the loss without it
products      how many times as fast a sparse product is, by sparsity
shapes        loss against speed of pruned models
mask          which weights of a corner stay; masks_widget chooses among them
drawings      the ideas behind the exercises; nothing in them is measured

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.pruning import drawings, kinds
from llmlab.show.pruning.by_layer import influences
from llmlab.show.pruning.losses import by_sparsity, rows, ways
from llmlab.show.pruning.times import products, shapes
from llmlab.show.pruning.widget import mask, masks_widget

__all__ = ["by_sparsity", "drawings", "influences", "kinds", "mask", "masks_widget"]
__all__ += ["products", "rows", "shapes", "ways"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
