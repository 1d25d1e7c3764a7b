"""What keeps the page from taking more of the API server than its share."""
