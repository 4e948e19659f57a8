"""The ways seepage refuses, each a word a caller can catch and a sentence a user can act on.

A message says what was given, what is accepted and what to do next.
"""


class SeepageError(Exception):
    """Anything seepage refuses. Read the message: it names what to change."""


class BadSpec(SeepageError, ValueError):
    """A model, series, benchmark, policy or store was named or written in a way that is not accepted."""


class NotTestable(SeepageError):
    """The claim cannot be tested here: access missing, too little data or power. The verdict is `inconclusive`."""


class BackendError(SeepageError):
    """A model could not be opened or could not answer. The verdict is `broken`."""


class Broken(SeepageError):
    """The instrument is wrong: a placebo fired or a control did not behave. The verdict is `broken`."""


class Leak(AssertionError):
    """Evidence of a leak at the family-wise level. The only exception that means `leak`."""
