"""What the facts of lab 10 are called, beside those of `core` and `measure`."""
