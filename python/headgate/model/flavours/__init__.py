"""What predicts with a trained model, by flavour: LightGBM, scikit-learn, ONNX, any Python."""

from headgate.model.flavours.base import (
    PredictionError,
    Predictor,
    Rows,
    Score,
    UnansweredError,
    UnusableError,
    Values,
)
from headgate.model.flavours.load import load

__all__ = [
    "PredictionError",
    "Predictor",
    "Rows",
    "Score",
    "UnansweredError",
    "UnusableError",
    "Values",
    "load",
]
