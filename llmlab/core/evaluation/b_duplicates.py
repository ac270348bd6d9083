# Finds photos that were copied more than once, for instance because a memory
# card was imported twice.  Nothing is deleted.

import hashlib
import os
import sys

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff")
CHUNK_SIZE = 65536


class Photo:
    """A photo on disk whose size and hash are computed when first needed."""

    def __init__(self, path):
        self.path = path
        self._size = None
        self._head_hash = None
        self._full_hash = None

    @property
    def size(self):
        if self._size is None:
            self._size = os.path.getsize(self.path)
        return self._size

    @property
    def head_hash(self):
        if self._head_hash is None:
            with open(self.path, "rb") as f:
                self._head_hash = hashlib.sha256(f.read(CHUNK_SIZE)).hexdigest()
        return self._head_hash

    @property
    def full_hash(self):
        if self._full_hash is None:
            digest = hashlib.sha256()
            with open(self.path, "rb") as f:
                while True:
                    chunk = f.read(CHUNK_SIZE)
                    if not chunk:
                        break
                    digest.update(chunk)
            self._full_hash = digest.hexdigest()
        return self._full_hash


def find_photos(top):
    photos = []
    for folder, subfolders, names in os.walk(top):
        subfolders.sort()
        for name in sorted(names):
            if name.lower().endswith(EXTENSIONS):
                photos.append(Photo(os.path.join(folder, name)))
    return photos


def split(photos, attribute):
    """Return the groups of photos which agree in an attribute."""
    groups = {}
    for photo in photos:
        groups.setdefault(getattr(photo, attribute), []).append(photo)
    return [group for group in groups.values() if len(group) > 1]


def find_duplicates(photos):
    # Most files already differ in size, and most others in the first chunk.
    for same_size in split(photos, "size"):
        for same_head in split(same_size, "head_hash"):
            for same_content in split(same_head, "full_hash"):
                yield same_content


def main(folders):
    photos = []
    for folder in folders:
        photos.extend(find_photos(folder))
    wasted = 0
    for group in find_duplicates(photos):
        wasted += sum(photo.size for photo in group[1:])
        print(group[0].path)
        for photo in group[1:]:
            print("    " + photo.path)
    print("%d photos, %d bytes wasted" % (len(photos), wasted))


if __name__ == "__main__":
    main(sys.argv[1:] or ["."])
