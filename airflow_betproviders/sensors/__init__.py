"""A sensor that waits until an interval of a stream is complete."""
