"""Pictures of lab 7."""

from llmlab.show.caching import drawings

__all__ = ["drawings"]
