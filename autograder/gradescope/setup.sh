#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image in which submissions are graded.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install -y --no-install-recommends bubblewrap util-linux

python=""
for version in 3.13 3.12 3.11; do
  if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
    python="python$version"
    break
  fi
done
if [ -z "$python" ]; then
  echo "This image has no Python 3.11 or newer: choose a newer base image (Ubuntu 24.04) in Gradescope." >&2
  exit 1
fi

"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --no-cache-dir -r "$root/source/gradescope_requirements.txt"
chmod 700 "$root/source" # hidden tests, reference and secret: nothing for the user that student code runs as
