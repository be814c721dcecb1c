"""Federated training on Flower: what a site answers, how answers are combined, and the one way out of a site."""

import os

# Flower looks up outside hosts unless told otherwise.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
