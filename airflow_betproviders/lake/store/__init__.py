"""What the lake needs of a store, whatever is stored: list entries, and put an object in one step."""
