"""What answers for one engine: `python -m llmlab.peers.worker NAME FOLDER`."""

import sys

from llmlab.peers import engines, llama_cpp

if __name__ == "__main__":
    llama_cpp.serve(engines.make(sys.argv[1], sys.argv[2]))
