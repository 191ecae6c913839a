import sys
from pathlib import Path

# `bundles` is shared by the tests of this folder, which are no package.
sys.path.insert(0, str(Path(__file__).parent))
