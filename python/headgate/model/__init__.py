"""Machine-learning models: declared, trained on datasets, gated, registered, deployed.

`signature` and `package` say what a trained model is; `versions` keeps it in the database, `promotions` what
is deployed. The word model of dbt is another: a relation.
"""
