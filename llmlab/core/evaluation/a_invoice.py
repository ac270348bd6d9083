import unittest
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")

TAX_RATES = {
    "standard": Decimal("0.20"),
    "reduced": Decimal("0.055"),
    "zero": Decimal("0"),
}


def money(value, rounding=ROUND_HALF_UP) -> Decimal:
    return Decimal(value).quantize(CENT, rounding=rounding)


@dataclass(frozen=True)
class Line:
    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_class: str = "standard"

    def __post_init__(self):
        if self.tax_class not in TAX_RATES:
            raise ValueError(f"unknown tax class: {self.tax_class!r}")

    @property
    def net(self) -> Decimal:
        return money(self.quantity * self.unit_price)


@dataclass
class Invoice:
    number: str
    lines: list[Line] = field(default_factory=list)
    rounding: str = ROUND_HALF_UP

    def add(self, description, quantity, unit_price, tax_class="standard"):
        self.lines.append(
            Line(description, Decimal(quantity), Decimal(unit_price), tax_class)
        )

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal("0.00"))

    def tax_by_class(self) -> dict[str, Decimal]:
        """Tax is rounded once per class, not once per line."""
        bases: dict[str, Decimal] = {}
        for line in self.lines:
            bases[line.tax_class] = bases.get(line.tax_class, Decimal(0)) + line.net
        return {
            name: money(base * TAX_RATES[name], self.rounding)
            for name, base in bases.items()
        }

    @property
    def total(self) -> Decimal:
        return self.net + sum(self.tax_by_class().values())


class InvoiceTest(unittest.TestCase):
    def test_rounds_once_per_class(self):
        invoice = Invoice("2021-001")
        for _ in range(3):
            invoice.add("sticker", 1, "0.12")
        self.assertEqual(invoice.tax_by_class(), {"standard": Decimal("0.07")})
        self.assertEqual(invoice.total, Decimal("0.43"))

    def test_half_cent(self):
        for rounding, expected in [(ROUND_HALF_UP, "0.13"), (ROUND_HALF_EVEN, "0.12")]:
            with self.subTest(rounding=rounding):
                self.assertEqual(money("0.125", rounding), Decimal(expected))

    def test_unknown_tax_class(self):
        with self.assertRaises(ValueError):
            Invoice("2021-002").add("boat", 1, "9000", "luxury")

    def test_empty_invoice(self):
        self.assertEqual(Invoice("2021-003").total, Decimal("0.00"))


if __name__ == "__main__":
    unittest.main()
