"""Python's own client of the Hub: prints where it finds files of a model. Arguments: online or offline, the model, files."""
import sys

from huggingface_hub import hf_hub_download

mode, name, *paths = sys.argv[1:]
for path in paths:
    print(hf_hub_download(name, path, local_files_only=mode == 'offline'))
