"""The feature store: releases of feature views, published and rolled back as one; what consumers read."""
