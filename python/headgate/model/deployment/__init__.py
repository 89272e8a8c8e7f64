"""What of a model is deployed, and how that changes: by hand, or by what a canary's evidence says.

`state` reads the log of promotions, `steps` writes it; `fit` holds a version against a release, `approvals`
against those who have to approve it. `policy` is what a model declares of its canaries, `evidence` what the
prediction log holds of one, `verdict` what follows from it, and `canary` does it.
"""
