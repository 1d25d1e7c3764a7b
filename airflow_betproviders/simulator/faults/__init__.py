"""What goes wrong on purpose: kinds, switches, and what they do to lists and rows."""
