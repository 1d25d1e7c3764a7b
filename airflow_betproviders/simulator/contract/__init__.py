"""Define the contract of a simulated vendor, and find the vendors of all installed packages."""
