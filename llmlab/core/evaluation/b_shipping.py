"""Shipping rates.

The rates are kept as JSON so that the office can change them without a new
release.  Prices are in cents and weights in grams.
"""

import json

DEFAULT_RATES = """
{
    "zones": [
        {
            "name": "domestic",
            "countries": ["DE"],
            "prices": [[1000, 429], [5000, 649], [10000, 949], [31500, 1749]],
            "free_from": 7500
        },
        {
            "name": "neighbours",
            "countries": ["AT", "BE", "CH", "CZ", "DK", "FR", "LU", "NL", "PL"],
            "prices": [[1000, 899], [5000, 1399], [10000, 1899]],
            "free_from": 15000
        },
        {
            "name": "world",
            "countries": [],
            "prices": [[1000, 1649], [5000, 3899], [10000, 5649]],
            "free_from": null
        }
    ],
    "surcharges": {"express": 900, "insured": 350, "bulky": 2000}
}
"""

# Light but large parcels are charged as if they weighed this much.
GRAMS_PER_LITRE = 200


class ShippingError(Exception):
    """Base class of the errors in this module."""


class TooHeavy(ShippingError):
    """There is no price for a parcel of this weight."""


class UnknownOption(ShippingError):
    """There is no surcharge with this name."""


class RateTable:
    def __init__(self, text=DEFAULT_RATES):
        data = json.loads(text)
        self.zones = data["zones"]
        self.surcharges = data["surcharges"]

    def zone(self, country):
        """Return the zone of a country; the last zone is for all the others."""
        for zone in self.zones:
            if country in zone["countries"]:
                return zone
        return self.zones[-1]

    def postage(self, country, weight, order_value=0):
        zone = self.zone(country)
        for limit, price in zone["prices"]:
            if weight <= limit:
                break
        else:
            raise TooHeavy(f"{weight} g is too heavy for zone {zone['name']}")
        if zone["free_from"] is not None and order_value >= zone["free_from"]:
            return 0
        return price

    def surcharge(self, option):
        if option not in self.surcharges:
            raise UnknownOption(f"unknown option: {option}")
        return self.surcharges[option]

    def quote(self, country, weight, litres=0, order_value=0, options=()):
        """Return the price of a parcel with all of its options."""
        weight = max(weight, litres * GRAMS_PER_LITRE)
        price = self.postage(country, weight, order_value)
        for option in options:
            price += self.surcharge(option)
        return price
