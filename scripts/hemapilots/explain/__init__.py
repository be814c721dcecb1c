"""What drives the primary model: computed inside each site, released as aggregates over patients, combined centrally."""
