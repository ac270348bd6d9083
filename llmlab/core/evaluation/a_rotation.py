"""Delete old backup snapshots, except for the newest one of every recent day,
week, month and year.  Their names end in a time stamp: photos-20240131T0230
"""

import argparse
import asyncio
import logging
import re
import shutil
from datetime import datetime
from pathlib import Path

logger = logging.getLogger("rotation")

STAMP = re.compile(r"-(\d{8}T\d{4})$")

RULES = {
    "daily": "%Y-%m-%d",
    "weekly": "%G week %V",
    "monthly": "%Y-%m",
    "yearly": "%Y",
}


def find_snapshots(directory):
    found = {}
    for path in Path(directory).iterdir():
        match = STAMP.search(path.name)
        if match and path.is_dir():
            found[path] = datetime.strptime(match.group(1), "%Y%m%dT%H%M")
    return dict(sorted(found.items(), key=lambda item: item[1], reverse=True))


def select(snapshots, keep):
    """Return the paths to keep, each with a list of rules."""
    kept = {}
    for rule, limit in keep.items():
        periods = set()
        for path, time in snapshots.items():
            period = time.strftime(RULES[rule])
            if period not in periods and len(periods) < limit:
                periods.add(period)
                kept.setdefault(path, []).append(rule)
    return kept


async def remove_all(paths, jobs=4):
    gate = asyncio.Semaphore(jobs)

    async def remove(path):
        async with gate:
            logger.info("removing %s", path.name)
            await asyncio.to_thread(shutil.rmtree, path)

    results = await asyncio.gather(*map(remove, paths), return_exceptions=True)
    errors = [result for result in results if result is not None]
    for error in errors:
        logger.error("%s", error)
    return len(errors)


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--daily", type=int, default=7)
    parser.add_argument("--weekly", type=int, default=4)
    parser.add_argument("--monthly", type=int, default=12)
    parser.add_argument("--yearly", type=int, default=3)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO)

    snapshots = find_snapshots(args.directory)
    kept = select(snapshots, {rule: getattr(args, rule) for rule in RULES})
    doomed = [path for path in snapshots if path not in kept]
    if args.dry_run:
        print(*doomed, sep="\n")
        return 0
    return 1 if asyncio.run(remove_all(doomed)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
