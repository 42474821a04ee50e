"""How many threads DuckDB has in a test.

Beside other workers a test has one: two workers with all cores each take half as long again. Alone (`make verify`,
a single file) it has two, as a study's machine would.
"""

import os

THREADS = "1" if "PYTEST_XDIST_WORKER" in os.environ else "2"
