"""Write one slot to a local file: order, de-duplication, digest, encodings."""
