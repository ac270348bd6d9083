import heapq
import unittest


class _Node:
    __slots__ = ("children", "weight")

    def __init__(self):
        self.children = {}
        self.weight = 0


class Trie:
    """Mapping of words to weights with fast lookup by prefix.

    Words with a weight of zero are not part of the mapping.
    """

    def __init__(self, words=()):
        self._root = _Node()
        for word in words:
            self.add(word)

    def __contains__(self, word):
        node = self._find(word)
        return node is not None and node.weight > 0

    def add(self, word, weight=1):
        """Insert a word or add to its weight."""
        node = self._root
        for char in word:
            node = node.children.setdefault(char, _Node())
        node.weight += weight

    def remove(self, word):
        if word not in self:
            raise KeyError(word)
        path = [self._root]
        for char in word:
            path.append(path[-1].children[char])
        path[-1].weight = 0
        # Prune the branches without words.
        for i in range(len(word), 0, -1):
            if path[i].children or path[i].weight:
                break
            del path[i - 1].children[word[i - 1]]

    def _find(self, prefix):
        node = self._root
        for char in prefix:
            node = node.children.get(char)
            if node is None:
                return None
        return node

    def items(self, prefix=""):
        """Yield (word, weight) for the words with the prefix, sorted."""
        start = self._find(prefix)
        if start is not None:
            yield from self._walk(start, prefix)

    def _walk(self, node, word):
        if node.weight:
            yield word, node.weight
        for char in sorted(node.children):
            yield from self._walk(node.children[char], word + char)

    def complete(self, prefix, limit=5):
        ranked = [(-weight, word) for word, weight in self.items(prefix)]
        return [word for _, word in heapq.nsmallest(limit, ranked)]


class TrieTest(unittest.TestCase):
    def setUp(self):
        self.trie = Trie(["plum", "plumb", "plume", "pear", "fig", "plume"])

    def test_complete(self):
        self.assertEqual(self.trie.complete("plum"), ["plume", "plum", "plumb"])
        self.assertEqual(self.trie.complete("p", limit=1), ["plume"])

    def test_remove(self):
        self.trie.remove("plumb")
        self.assertNotIn("plumb", self.trie)
        self.assertIn("plum", self.trie)
        self.assertRaises(KeyError, self.trie.remove, "pl")


if __name__ == "__main__":
    unittest.main()
