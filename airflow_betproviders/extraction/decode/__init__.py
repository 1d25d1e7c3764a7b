"""Turn the bytes of an answer into Arrow: the fast way, the lenient way, types."""
