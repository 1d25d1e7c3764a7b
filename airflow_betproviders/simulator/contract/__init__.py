"""The contract of a simulated vendor, and the discovery of those of all packages."""
