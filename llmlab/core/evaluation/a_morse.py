"""Write a text as Morse code into a WAV file."""

import argparse
import array
import math
import sys
import wave

CODE = {
    "A": ".-",
    "B": "-...",
    "C": "-.-.",
    "D": "-..",
    "E": ".",
    "F": "..-.",
    "G": "--.",
    "H": "....",
    "I": "..",
    "J": ".---",
    "K": "-.-",
    "L": ".-..",
    "M": "--",
    "N": "-.",
    "O": "---",
    "P": ".--.",
    "Q": "--.-",
    "R": ".-.",
    "S": "...",
    "T": "-",
    "U": "..-",
    "V": "...-",
    "W": ".--",
    "X": "-..-",
    "Y": "-.--",
    "Z": "--..",
    "0": "-----",
    "1": ".----",
    "2": "..---",
    "3": "...--",
    "4": "....-",
    "5": ".....",
    "6": "-....",
    "7": "--...",
    "8": "---..",
    "9": "----.",
    ".": ".-.-.-",
    ",": "--..--",
    "?": "..--..",
    "/": "-..-.",
    "=": "-...-",
}

RATE = 8000  # samples per second
RAMP = 0.005  # seconds of fade at both ends of a tone, against clicks


def timeline(text):
    """Yield pairs (on, units) for the text.

    A dot lasts one unit and a dash three.  There is one unit of silence
    after every element, three after a letter and seven after a word.
    """
    for word in text.upper().split():
        for letter in word:
            if letter not in CODE:
                raise ValueError("cannot send %r" % letter)
            for element in CODE[letter]:
                yield True, 1 if element == "." else 3
                yield False, 1
            yield False, 2
        yield False, 4


def tone(seconds, pitch, volume):
    total = int(seconds * RATE)
    ramp = int(RAMP * RATE)
    samples = array.array("h")
    for i in range(total):
        fade = min(1.0, i / ramp, (total - 1 - i) / ramp)
        value = math.sin(2 * math.pi * pitch * i / RATE)
        samples.append(int(32767 * volume * fade * value))
    return samples


def write_morse(target, text, wpm=15, pitch=600, volume=0.5):
    unit = 1.2 / wpm
    samples = array.array("h")
    for on, units in timeline(text):
        if on:
            samples.extend(tone(units * unit, pitch, volume))
        else:
            samples.extend([0] * int(units * unit * RATE))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("output")
    ap.add_argument("text", nargs="+")
    ap.add_argument("-w", "--wpm", type=int, default=15)
    opts = ap.parse_args()
    write_morse(opts.output, " ".join(opts.text), opts.wpm)


if __name__ == "__main__":
    main()
