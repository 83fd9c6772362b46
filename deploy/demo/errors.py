"""What ends the demonstration early: one line that says what happened, one that says what to do."""


class DemoError(Exception):
    """The demonstration can't go on.

    Parameters
    ----------
    message
        What happened.
    advice
        What the user can do.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice
