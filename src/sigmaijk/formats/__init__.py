"""One reader a file; errors name file and line."""
