"""What consumers read: features of entities now or at an instant, and training sets."""

from headgate.store.reading.answers import Answer, Entity, Features
from headgate.store.reading.blocking import SyncFeatureStore
from headgate.store.reading.feature_store import FeatureStore
from headgate.store.reading.training import TrainingSet

__all__ = ["Answer", "Entity", "FeatureStore", "Features", "SyncFeatureStore", "TrainingSet"]
