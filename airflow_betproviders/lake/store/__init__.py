"""List a store's entries, and put an object in one step."""
