"""A tree of files as Linux shows the counters of a processor."""

from pathlib import Path

TURN = 262_143_328_850  # microjoules, as a processor gives it


def zone(root: Path, folder: str, name: str, counter: int = 0, turn: int = TURN):
    place = root / folder
    place.mkdir(parents=True)
    (place / "name").write_text(f"{name}\n")
    (place / "energy_uj").write_text(f"{counter}\n")
    (place / "max_energy_range_uj").write_text(f"{turn}\n")
    return place / "energy_uj"
