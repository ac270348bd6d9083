"""What the facts of lab 11 are called, beside those of `core` and `measure`."""
