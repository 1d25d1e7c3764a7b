"""Find the answers without a total that a provider cut off, and prove that the others are complete."""
