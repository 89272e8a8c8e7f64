"""Condition of build_features: something to build."""

if "condition" not in globals():
    from mage_ai.data_preparation.decorators import condition

from headgate.pipelines import build


@condition
def something_new(*args, **kwargs):
    """Whether a build can come to anything else than the last one; Mage skips it and what follows else."""
    reason = build.look_for_news()
    print(reason or "nothing new: no load, decision or file since the last build that was published")
    return reason is not None
