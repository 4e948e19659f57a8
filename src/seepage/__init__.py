"""seepage tells whether a benchmark has seeped into a language model."""

__version__ = "0.1.0"
