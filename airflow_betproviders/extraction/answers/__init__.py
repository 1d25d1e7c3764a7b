"""What answers hold: one page as the pagination kinds see it, and the rows of one window."""
