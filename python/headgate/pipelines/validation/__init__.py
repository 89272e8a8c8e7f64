"""Validates Mage projects: everything that Mage accepts, drops or crashes on in silence.

Files are read and parsed, never run, and Mage is never imported. `validate` is all that callers need.
"""

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.run import Report, validate

__all__ = ["Finding", "Report", "validate"]
