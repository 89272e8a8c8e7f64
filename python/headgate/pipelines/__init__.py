"""What the blocks of Mage pipelines call, and how pipelines are run, served and validated; without Mage."""
