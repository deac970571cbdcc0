"""How the camera moved: declared, read from a file, odometry over depth, structure from motion, or not known."""
