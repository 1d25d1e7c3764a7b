"""The providers of this package, each a package of the same shape as one outside it."""
