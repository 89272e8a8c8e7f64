"""What kind of answer a model gives: a module for each task, with the interface of `base`."""

from __future__ import annotations

from headgate.model.tasks.base import Learned, Task
from headgate.model.tasks.binary import Binary
from headgate.model.tasks.custom import Custom
from headgate.model.tasks.multiclass import Multiclass
from headgate.model.tasks.regression import Regression

#: Tasks whose models are fitted here.
LEARNED: dict[str, Learned] = {task.name: task for task in (Binary(), Multiclass(), Regression())}
TASKS: dict[str, Task] = {**LEARNED, Custom.name: Custom()}
