"""Checks for labs/07_caching.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn.
"""

from llmlab.checks import rooms

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "cached_step",
            "cache_bytes",
            "page_slots",
            "resize_table",
            "extend_pages",
            "longest_prefix",
            "lru_step",
            "false_hits",
        ],
    )
)
