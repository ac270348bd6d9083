from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping


class ResolutionError(ValueError):
    """The requested set of packages cannot be put in order."""


class MissingPackage(ResolutionError):
    def __init__(self, name: str, wanted_by: str) -> None:
        super().__init__(f"{wanted_by!r} depends on unknown package {name!r}")
        self.name = name
        self.wanted_by = wanted_by


class DependencyCycle(ResolutionError):
    def __init__(self, members: list[str]) -> None:
        super().__init__("dependency cycle: " + " -> ".join(members))
        self.members = members


def closure(graph: Mapping[str, Iterable[str]], roots: Iterable[str]) -> set[str]:
    """Return the roots together with everything they need, however deep."""
    seen: set[str] = set()
    todo = [(root, "<command line>") for root in roots]
    while todo:
        name, parent = todo.pop()
        if name in seen:
            continue
        if name not in graph:
            raise MissingPackage(name, parent)
        seen.add(name)
        todo.extend((child, name) for child in graph[name])
    return seen


def find_cycle(graph: Mapping[str, Iterable[str]], among: set[str]) -> list[str]:
    # Every remaining node has at least one remaining dependency, so walking
    # along any of them must sooner or later come back to a visited node.
    node = min(among)
    path: list[str] = []
    while node not in path:
        path.append(node)
        node = min(dep for dep in graph[node] if dep in among)
    return path[path.index(node) :] + [node]


def install_order(
    graph: Mapping[str, Iterable[str]], roots: Iterable[str]
) -> Iterator[str]:
    """Yield package names so that each comes after its dependencies.

    The order is deterministic: packages that become ready at the same time
    are produced alphabetically.
    """
    needed = closure(graph, roots)
    waiting = {name: len(set(graph[name])) for name in needed}
    users: dict[str, list[str]] = {name: [] for name in needed}
    for name in needed:
        for dep in set(graph[name]):
            users[dep].append(name)

    ready = deque(sorted(name for name, count in waiting.items() if count == 0))
    while ready:
        name = ready.popleft()
        del waiting[name]
        yield name
        for user in sorted(users[name]):
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)

    if waiting:
        raise DependencyCycle(find_cycle(graph, set(waiting)))
