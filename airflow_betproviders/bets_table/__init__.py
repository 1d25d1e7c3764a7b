"""One row a bet in Delta Lake: schema, mapping, merge, optimise."""
