"""What the tests of readers ask of a delivered extract, or of one that is refused."""

import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.readers import check_extract, ingest


def cells(table, name) -> list:
    """A column of a table, None where there is no cell."""
    return [None if pd.isna(cell) else cell for cell in table[name]]


def said(delivered, variable) -> list[tuple]:
    """What was remarked about a variable: status, reason, count."""
    return [(one.status, one.reason, one.count) for one in delivered.remarks if one.variable == variable]


def refused(folder, mapping, *words, check=True, secrets=()) -> None:
    """Reading, and unless told otherwise checking, refuse the extract with a remedy and these words, and without the secrets."""
    for read in (ingest, check_extract) if check else (ingest,):
        with pytest.raises(HemaPilotsError) as error:
            read(folder, mapping)
        message = str(error.value)
        assert message.isprintable() and "; " in message
        for word in words:
            assert word in message
        for secret in secrets:
            assert secret not in message
