"""From raw text to canonical values, one column at a time: numbers, units, codes, dates, and every doubt about them."""
