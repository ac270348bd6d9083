"""A registry of measurement units.

>>> registry = default_registry()
>>> round(registry.convert(26.2, "mi", "km"), 2)
42.16
>>> registry.convert(100, "degC", "degF")
212.0
"""

from typing import NamedTuple


class UnknownUnit(KeyError):
    def __str__(self) -> str:
        return f"unknown unit: {self.args[0]}"


class IncompatibleUnits(TypeError):
    pass


class Unit(NamedTuple):
    symbol: str
    dimension: str
    factor: float
    offset: float = 0.0

    def to_base(self, value: float) -> float:
        return value * self.factor + self.offset

    def from_base(self, value: float) -> float:
        return (value - self.offset) / self.factor


class Registry:
    def __init__(self) -> None:
        self._units: dict[str, Unit] = {}
        self._aliases: dict[str, str] = {}

    def define(
        self,
        symbol: str,
        dimension: str,
        factor: float,
        offset: float = 0.0,
        aliases: tuple = (),
    ) -> None:
        if symbol in self._units or symbol in self._aliases:
            raise ValueError(f"{symbol} is already defined")
        self._units[symbol] = Unit(symbol, dimension, factor, offset)
        for alias in aliases:
            self._aliases[alias] = symbol

    def get(self, name: str) -> Unit:
        name = self._aliases.get(name, name)
        try:
            return self._units[name]
        except KeyError:
            raise UnknownUnit(name) from None

    def convert(self, value: float, source: str, target: str) -> float:
        a, b = self.get(source), self.get(target)
        if a.dimension != b.dimension:
            raise IncompatibleUnits(f"cannot convert {a.dimension} to {b.dimension}")
        return round(b.from_base(a.to_base(value)), 10)


LENGTH = [
    ("m", 1.0, ("metre", "meter")),
    ("cm", 0.01, ("centimetre",)),
    ("km", 1000.0, ("kilometre",)),
    ("in", 0.0254, ("inch",)),
    ("ft", 0.3048, ("foot", "feet")),
    ("mi", 1609.344, ("mile", "miles")),
]

MASS = [
    ("kg", 1.0, ("kilogram", "kilograms")),
    ("g", 0.001, ("gram", "grams")),
    ("oz", 0.028349523125, ("ounce",)),
    ("lb", 0.45359237, ("pound", "pounds")),
]


def default_registry() -> Registry:
    registry = Registry()
    for dimension, table in (("length", LENGTH), ("mass", MASS)):
        for symbol, factor, aliases in table:
            registry.define(symbol, dimension, factor, aliases=aliases)
    registry.define("K", "temperature", 1.0, aliases=("kelvin",))
    registry.define("degC", "temperature", 1.0, 273.15)
    registry.define("degF", "temperature", 5 / 9, 459.67 * 5 / 9)
    return registry
