"""What a simulated vendor is, and how those of all packages are found."""
