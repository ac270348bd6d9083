"""What models remember of the tokens they have seen (`core.model.Cache`).

rows          how many tokens each row holds; rows rewind, leave and join
attention     keys and values, written by our own attention
recurrent     one state of fixed size for each layer and row
transformers  keys and values right-aligned, or tokens alone, for other models
"""

from llmlab.core import faces

__all__ = ["attention", "recurrent", "rows", "transformers"]

__getattr__, __dir__ = faces.of(__name__, __all__)
