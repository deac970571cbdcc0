"""SO(3), SE(3) and cameras in batched NumPy. Imports nothing else from the package."""
