"""Turn human videos and robot datasets into one co-training set for vision-language-action policies."""

__version__ = "0.1.0"
