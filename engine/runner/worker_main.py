"""The program of a warm Python worker: runs `python` attempts one after the other.

Role: started by worker.py with its socket as descriptor 3, and run by its path. Its own modules
have a name that no step's can have, and their folder is on no path, so that what is a step's is
never shadowed: nothing of Wingman can be imported by its name unless the step brings it.
"""

import sys
import types

PACKAGE = "_wingman_worker"

if __name__ == "__main__":
    package = types.ModuleType(PACKAGE)
    package.__path__ = [f"{__file__.rpartition('/')[0]}/warm"]
    sys.modules[PACKAGE] = package
    __import__(f"{PACKAGE}.serving", fromlist=["main"]).main()
