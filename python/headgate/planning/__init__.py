"""What is declared against what is deployed: plans, their approval, carrying them out."""
