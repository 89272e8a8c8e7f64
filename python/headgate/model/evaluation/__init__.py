"""How good a model is: figures with intervals, and the gates that judge them."""
