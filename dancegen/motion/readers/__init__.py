"""Motion capture files: a reader for each format."""
