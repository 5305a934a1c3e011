"""The page that evaluate leaves: one HTML file with its table, plots, pictures and videos inside."""
