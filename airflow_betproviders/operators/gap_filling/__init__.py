"""Choose the slots that a run fills, and how many."""
