"""Video files: found, opened safely, probed, decoded with their true timestamps."""
