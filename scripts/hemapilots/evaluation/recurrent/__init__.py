"""Recurrent events, described: mean number of episodes, rates, and how many times as many come in one group as in another."""
