"""Text layout for narrow receipt printers.

A receipt is built from rows.  Long item names are wrapped, and the price is
set flush right on the last line of the item:

    Sourdough bread, sliced and
    wrapped                     4.20
"""

WIDTH = 32


def wrap(text, width):
    """Break the text into lines of at most `width` characters.

    Words that are longer than a line are cut.
    """
    lines = []
    current = ""
    for word in text.split():
        while len(word) > width:
            if current:
                lines.append(current)
                current = ""
            lines.append(word[:width])
            word = word[width:]
        if not word:
            continue
        if not current:
            current = word
        elif len(current) + 1 + len(word) <= width:
            current += " " + word
        else:
            lines.append(current)
            current = word
    if current:
        lines.append(current)
    return lines or [""]


def cents(amount):
    sign = "-" if amount < 0 else ""
    return "%s%d.%02d" % (sign, abs(amount) // 100, abs(amount) % 100)


class Receipt:
    def __init__(self, width=WIDTH):
        self.width = width
        self.rows = []
        self.total = 0

    def text(self, text):
        self.rows.extend(wrap(text, self.width))
        return self

    def centre(self, text):
        for line in wrap(text, self.width):
            self.rows.append(line.center(self.width).rstrip())
        return self

    def rule(self, char="-"):
        self.rows.append(char * self.width)
        return self

    def pair(self, left, right):
        """Add a row with text on the left and a value on the right."""
        room = self.width - len(right) - 1
        *first, last = wrap(left, room)
        self.rows.extend(first)
        self.rows.append(last.ljust(room) + " " + right)
        return self

    def item(self, name, price, quantity=1):
        if quantity != 1:
            name = "%d x %s" % (quantity, name)
        self.total += price * quantity
        return self.pair(name, cents(price * quantity))

    def finish(self):
        self.rule("=")
        self.pair("TOTAL", cents(self.total))
        return "\n".join(self.rows) + "\n"


def demo():
    receipt = Receipt()
    receipt.centre("THE CORNER BAKERY").rule()
    receipt.item("Sourdough bread, sliced and wrapped", 420)
    receipt.item("Cinnamon roll", 185, quantity=3)
    receipt.item("Bottle", -25, quantity=6)
    print(receipt.finish())


if __name__ == "__main__":
    demo()
