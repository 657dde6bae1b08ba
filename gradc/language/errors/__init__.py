"""Messages for programs that are not written right, each for the author who made that mistake."""
