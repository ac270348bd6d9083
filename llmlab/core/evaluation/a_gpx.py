# Distance, climb and moving time of the tracks in a GPX file.

import math
import sys
import xml.etree.ElementTree as ET
from datetime import datetime

NS = {"gpx": "http://www.topografix.com/GPX/1/1"}
EARTH_RADIUS = 6371008.8  # metres
MIN_SPEED = 0.5  # metres per second, less is a pause


class TrackPoint:
    __slots__ = ("ele", "lat", "lon", "time")

    def __init__(self, lat, lon, ele=None, time=None):
        self.lat = lat
        self.lon = lon
        self.ele = ele
        self.time = time

    def distance_to(self, other):
        """Great-circle distance in metres, by the haversine formula."""
        lat1, lat2 = math.radians(self.lat), math.radians(other.lat)
        dlat = lat2 - lat1
        dlon = math.radians(other.lon - self.lon)
        a = (
            math.sin(dlat / 2) ** 2
            + math.cos(lat1) * math.cos(lat2) * math.sin(dlon / 2) ** 2
        )
        return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(a)))


def read_point(element):
    ele = element.findtext("gpx:ele", namespaces=NS)
    stamp = element.findtext("gpx:time", namespaces=NS)
    return TrackPoint(
        float(element.get("lat")),
        float(element.get("lon")),
        float(ele) if ele else None,
        datetime.fromisoformat(stamp.strip().replace("Z", "+00:00")) if stamp else None,
    )


def read_segments(root):
    for segment in root.iterfind(".//gpx:trkseg", NS):
        yield [read_point(p) for p in segment.iterfind("gpx:trkpt", NS)]


def read_steps(root):
    for points in read_segments(root):
        for a, b in zip(points, points[1:]):
            yield a, b


def total_distance(root):
    return sum(a.distance_to(b) for a, b in read_steps(root))


def total_climb(root):
    climb = 0.0
    for a, b in read_steps(root):
        if a.ele is not None and b.ele is not None and b.ele > a.ele:
            climb += b.ele - a.ele
    return climb


def moving_time(root):
    moving = 0.0
    for a, b in read_steps(root):
        if a.time is not None and b.time is not None:
            seconds = (b.time - a.time).total_seconds()
            if seconds > 0 and a.distance_to(b) / seconds >= MIN_SPEED:
                moving += seconds
    return moving


def main(paths):
    for path in paths:
        root = ET.parse(path).getroot()
        print(
            f"{path}: {total_distance(root) / 1000:.2f} km, {total_climb(root):.0f} m up, {moving_time(root) / 60:.0f} min"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
