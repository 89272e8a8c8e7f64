"""Offline bundles: a model with everything that predicts with it, for a machine without network.

`wheels` writes wheels, `installed` makes them of what is installed here, `runtime` of the part of Headgate
that predicts, `build` puts a bundle together.
"""
