"""The error that ends the demonstration early."""


class DemoError(Exception):
    """The demonstration can't continue.

    Parameters
    ----------
    message
        What happened, in one line.
    advice
        What the user can do, in one line.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice
