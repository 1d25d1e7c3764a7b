"""Hold the content of answers: one page as the pagination kinds see it, the rows of one window, their times."""
