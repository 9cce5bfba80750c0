"""Published predictions, scored again: what a reported figure measures."""
