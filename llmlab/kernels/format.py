"""A format: how many bits a weight has, what shares a scale, and what is rounded too.

It travels as one object and is written as one word, the same everywhere: "int8",
"int4-g32", "int8-tensor", "int4-g64-sym", "int8-dynamic". What a word does not say is
what is usual: a scale for each row, levels about zero at 8 bits and a zero point below,
activations as they are.
"""

import re
from dataclasses import dataclass

from llmlab.core.arguments import is_whole, shown

BITS = (2, 3, 4, 5, 6, 7, 8)
GroupSize = int | str  # columns that share a scale, or "channel", or "tensor"

_WORD = re.compile(
    r"int(?P<bits>[2-8])(?:-(?:(?P<tensor>tensor)|g(?P<group>[1-9][0-9]{0,8})))?"
    r"(?:-(?P<levels>sym|asym))?(?P<dynamic>-dynamic)?"
)


@dataclass(frozen=True, kw_only=True)
class Format:
    """Integers of some bits, and what shares one scale of them.

    group_size: columns that share a scale; "channel": one scale for a row; "tensor":
    one for all. symmetric: levels about zero; None: at 8 bits, while fewer get a zero
    point. activations: round these too, to int8 with one scale per token, so that
    products are of integers. Raises ValueError for what is none of these.
    """

    bits: int = 8
    group_size: GroupSize = "channel"
    symmetric: bool | None = None
    activations: bool = False

    def __post_init__(self):
        for name in ("bits", "group_size"):  # a whole number of NumPy is one, too
            if is_whole(getattr(self, name)):
                object.__setattr__(self, name, int(getattr(self, name)))
        if type(self.bits) is not int or self.bits not in BITS:
            raise ValueError(
                f"bits={shown(self.bits)} is not among {BITS}; choose one of these."
            )
        columns = type(self.group_size) is int and 0 < self.group_size < 10**9
        if not columns and self.group_size not in ("channel", "tensor"):
            raise ValueError(
                f"group_size={shown(self.group_size)} is no number of columns from "
                '1 on; choose one that divides them, "channel" for one scale per '
                'row, or "tensor".'
            )
        if self.symmetric is None:
            object.__setattr__(self, "symmetric", self.bits == 8)
        for name in ("symmetric", "activations"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not True or False; choose one."
                )

    @classmethod
    def parse(cls, word: str) -> "Format":
        """Read what `str` wrote, such as "int4-g32"; ValueError for other words."""
        match = _WORD.fullmatch(word) if isinstance(word, str) else None
        if match:
            size: GroupSize = match["tensor"] or "channel"
            levels = match["levels"]
            made = cls(
                bits=int(match["bits"]),
                group_size=int(match["group"]) if match["group"] else size,
                symmetric=None if levels is None else levels == "sym",
                activations=match["dynamic"] is not None,
            )
            if str(made) == word:
                return made
        raise ValueError(
            f"word={shown(word)} is no format; write int2 to int8, then what differs "
            "from a scale for each row and the usual levels, in this order: -g32 or "
            "-tensor, -sym (below 8 bits) or -asym (at 8), -dynamic."
        )

    def __str__(self) -> str:
        parts = [f"int{self.bits}"]
        if self.group_size != "channel":
            tensor = self.group_size == "tensor"
            parts.append("tensor" if tensor else f"g{self.group_size}")
        if self.symmetric != (self.bits == 8):
            parts.append("sym" if self.symmetric else "asym")
        if self.activations:
            parts.append("dynamic")
        return "-".join(parts)


def checked(format: Format) -> Format:
    """Return a format; ValueError, with the way out, for anything else."""
    if isinstance(format, Format):
        return format
    if isinstance(format, str):
        raise ValueError(
            f"format={format!r} is a word; hand in Format.parse({format!r}), or a "
            "Format(bits=4, group_size=32)."
        )
    raise ValueError(
        f"format={shown(format)} is no Format; hand in one such as "
        "Format(bits=4, group_size=32)."
    )
