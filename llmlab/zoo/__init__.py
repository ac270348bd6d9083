"""The recipes that made the bundled weights: `python -m llmlab.zoo NAME` runs one."""
