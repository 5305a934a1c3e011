"""Motion: a dancer in three dimensions, from motion capture to what a camera sees."""
