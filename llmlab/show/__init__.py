"""Records as pictures, tables and widgets; nothing here runs a model.

figure   a matplotlib figure as HTML, with alt text, on a card of its own
table    records as a table
plots    the pictures of the labs, from records
widgets  selectors over records that were computed before
style    the palette: seven series, each with colour, marker, line and hatch
"""

from llmlab.show import plots, style, widgets
from llmlab.show.pictures import Picture, figure
from llmlab.show.tables import Table, table

__all__ = ["Picture", "Table", "figure", "plots", "style", "table", "widgets"]
