"""Commands that the example adds to `headgate`."""
